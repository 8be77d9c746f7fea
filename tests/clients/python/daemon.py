"""A pexd with one network, on loopback."""

import os
import pathlib
import signal
import subprocess
import tempfile
import threading

NETWORK = "python-1"


class Daemon:
    def __init__(self, program, require_auth=True):
        self.program = program
        self.require_auth = require_auth
        self.folder = tempfile.TemporaryDirectory(prefix="pexd-clients-")
        self.process = None
        self.run("init", NETWORK)

    def run(self, *words):
        """A command of the program, which says this."""
        done = subprocess.run([self.program, *words], env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def environment(self):
        home = pathlib.Path(self.folder.name) / "home"
        return {
            "PEXD_HOME": str(home),
            "PEXD_ADMIN_LADDR": "127.0.0.1:0",
            "PEXD_ADMIN_REQUIRE_AUTH": str(self.require_auth).lower(),
            "PEXD_HTTP_LADDR": "",
            "PEXD_LOG_LEVEL": "error,pexd::app=info",
            "PEXD_P2P_ADDR_BOOK_STRICT": "false",
            "PEXD_P2P_LADDR": "tcp://127.0.0.1:0",
            "PEXD_PEX_BOOTSTRAP": "true",
        }

    def socket(self):
        """The address of the admin API's Unix socket."""
        return f"unix:{self.folder.name}/home/pexd.sock"

    def start(self):
        """Gives the address of the admin API."""
        environment = os.environ | self.environment()
        self.process = subprocess.Popen([self.program, "start"], env=environment, stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.process.stderr:
            said += line
            if "admin API laddr=" in line:
                # Read to the end, or it would block when the pipe is full.
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return line.rsplit("laddr=", 1)[1].strip()
        raise AssertionError(f"it ended by itself: {said}")

    def end(self, how):
        """Ends the process: politely by SIGTERM, as a crash does by SIGKILL."""
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        assert code == (0 if how == signal.SIGTERM else -how), f"{how}: exit code {code}"
        self.process = None

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
