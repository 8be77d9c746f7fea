"""A night of an operator with thirty chains in one process, and a real Prometheus where it is installed: one folder broken, a book
deleted, pexd killed, the uplink cut before a restart, a client without a token; and one chain with 128 descriptors. Asserts what
the operator sees: exit codes, readiness, the audit, and which alerts fire and which do not.

Everything is on loopback; ports are chosen by the system. `session.py PEXD` takes the program to try.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

CHAINS = [f"chain-{number:02}" for number in range(1, 31)]
BROKEN, BEREFT, REMOVED = "chain-07", "chain-03", "chain-30"
# Longer than anything here takes.
PATIENCE = 300
RULES = pathlib.Path(__file__).parents[2] / "docs/prometheus/alerts.yml"
# What the rules wait for is shortened, so that a night takes minutes: their conditions stay as they are.
SHORT_FOR, SHORT_RANGE = "3s", "[40s]"


def free_port():
    """A port that the system gives to nobody else for a minute: a connection to it has just ended."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as client:
            listener.accept()[0].close()
            # The side that closes first keeps the port.
            client.recv(1)
        return listener.getsockname()[1]


def until(what, look):
    """Waits until `look` gives something, and gives that."""
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.5)


def get(url):
    """The code and the text."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Pexd:
    def __init__(self, program, folder, name):
        self.program, self.home = program, folder / name
        self.http, self.admin = free_port(), free_port()
        self.process = None
        self.addresses = {}

    def env(self):
        return {
            "PATH": os.environ["PATH"],
            "PEXD_HOME": str(self.home),
            "PEXD_HTTP_LADDR": f"127.0.0.1:{self.http}",
            "PEXD_ADMIN_LADDR": f"127.0.0.1:{self.admin}",
        }

    def run(self, *args, code=0, env=None):
        """What a command prints; it must end with this code."""
        # A command asks over the home's socket, as an operator does.
        done = subprocess.run(
            [self.program, *args], env=env or self.env(), capture_output=True, text=True, timeout=120, check=False
        )
        said = f"pexd {' '.join(args)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == code, said
        return done.stdout + done.stderr

    def init(self, chain, seed_mode, seeds=""):
        port = free_port()
        args = ["init", chain, "--laddr", f"tcp://127.0.0.1:{port}", "--external-address", f"127.0.0.1:{port}", "--if-missing"]
        self.run(*args, *(["--seed-mode"] if seed_mode else []), *(["--seeds", seeds] if seeds else []))
        file = self.config(chain)
        text = file.read_text().replace("[p2p]\n", "[p2p]\naddr_book_strict = false\nallow_duplicate_ip = true\n")
        text = text.replace("[pex]\n", "[pex]\nbootstrap = true\n")
        file.write_text(text)
        node_id = self.run("show-node-id", "--network", chain).strip()
        self.addresses[chain] = f"{node_id}@127.0.0.1:{port}"

    def config(self, chain):
        return self.home / "networks" / chain / "config.toml"

    def start(self, limit=None):
        command = [self.program, "start"]
        if limit:
            command = ["sh", "-c", f'ulimit -n {limit} && exec "$0" start', self.program]
        log = open(self.home / "log", "ab")
        self.process = subprocess.Popen(command, env=self.env(), stderr=log, stdout=log)
        until(f"{self.home.name} answers", lambda: self.answers("/healthz"))

    def answers(self, path):
        try:
            return get(f"http://127.0.0.1:{self.http}{path}")
        except OSError:
            assert self.process.poll() is None, (self.home / "log").read_text()[-4000:]
            return None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def status(self):
        return json.loads(self.run("status", "--json"))

    def states(self):
        return {status["network"]: status["state"].removeprefix("REACTOR_STATE_") for status in self.status()["statuses"]}

    def servable(self):
        """How many networks could name somebody."""
        count = lambda status: status.get("addressBook", {}).get("servableCount", 0)
        return sum(count(status) > 0 for status in self.status()["statuses"])


class Prometheus:
    """None of its methods does anything where it is not installed."""

    def __init__(self, folder, targets):
        self.process = None
        if not shutil.which("prometheus"):
            print("** SKIPPED: there is no Prometheus (Debian's package prometheus): no alert was tried **", file=sys.stderr)
            return
        rules = re.sub(r"for: \S+", f"for: {SHORT_FOR}", RULES.read_text())
        # What is compared with a day, and what counts restarts, keeps its range.
        rules = re.sub(r"\[1[05]m\]", SHORT_RANGE, rules)
        (folder / "alerts.yml").write_text(rules)
        places = ", ".join(f'"127.0.0.1:{pexd.http}"' for pexd in targets)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yml]\n"
            f"scrape_configs:\n  - job_name: pexd\n    static_configs: [{{targets: [{places}]}}]\n"
        )
        self.port = free_port()
        self.process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{self.port}"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def until_scraped(self, pexd):
        """Waits for the first numbers: what is counted before them did not grow to Prometheus."""
        query = urllib.parse.urlencode({"query": f'process_open_fds{{instance="127.0.0.1:{pexd.http}"}}'})

        def look():
            with contextlib.suppress(OSError), urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=20
            ) as answer:
                return json.load(answer)["data"]["result"]
            return False

        if self.process:
            until("it is scraped", look)

    def firing(self, pexd):
        """The alerts that fire for a pexd: (name, chain)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=20) as answer:
            alerts = json.load(answer)["data"]["alerts"]
        of = lambda alert: alert["labels"].get("instance", f"127.0.0.1:{pexd.http}") == f"127.0.0.1:{pexd.http}"
        firing = [alert["labels"] for alert in alerts if alert["state"] == "firing" and of(alert)]
        return {(labels["alertname"], labels.get("chain_id", "")) for labels in firing}

    def until_firing(self, pexd, what, wanted):
        """Waits until the alerts that fire are as wanted."""
        if not self.process:
            return
        last = set()

        def look():
            nonlocal last
            with contextlib.suppress(OSError):
                last = self.firing(pexd)
                return wanted(last)
            return False

        try:
            until(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}; what fires: {sorted(last)}") from None

    def for_a_while(self, pexd, seconds, wanted):
        """What fires stays as wanted."""
        end = time.monotonic() + seconds
        while self.process and time.monotonic() < end:
            firing = self.firing(pexd)
            assert wanted(firing), sorted(firing)
            time.sleep(1)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def one_folder_is_broken(pexd, prometheus):
    """The others serve, the alarm names it, and it is served as soon as it is mended."""
    whole = pexd.config(BROKEN).read_text()
    pexd.config(BROKEN).write_text(whole.replace("[p2p]\n", "[p2p]\nladder = 1\n"))
    checked = pexd.run("check-config", code=3)
    assert "did you mean laddr?" in checked and f"{BROKEN}: would be FAILED" in checked, checked
    pexd.run("start", "--strict", code=2)
    pexd.start()
    until("twenty-nine serve", lambda: pexd.servable() == len(CHAINS) - 1)
    states = pexd.states()
    assert states == {chain: "FAILED" if chain == BROKEN else "RUNNING" for chain in CHAINS}, states
    said = pexd.run("status", "--check", code=9)
    assert "did you mean laddr?" in said and "1 of 30 networks needs attention" in said, said
    for path, code in [("/readyz", 200), (f"/readyz/{BROKEN}", 503), ("/readyz/chain-01", 200), ("/readyz/chain-01?servable=9", 503)]:
        assert pexd.answers(path)[0] == code, (path, pexd.answers(path))
    prometheus.until_firing(pexd, "the broken one is told", lambda firing: ("PexdNetworkDown", BROKEN) in firing)
    alarms = {("PexdNetworkDown", BROKEN), ("PexdConfigBroken", BROKEN)}
    prometheus.until_firing(pexd, "and nothing else", lambda firing: firing == alarms)

    pexd.config(BROKEN).write_text(whole)
    pexd.run("network", "reload", "--network", BROKEN)
    until("all serve", lambda: pexd.servable() == len(CHAINS))
    pexd.run("status", "--check")
    prometheus.until_firing(pexd, "all is well", lambda firing: not firing)


def a_book_is_deleted(pexd):
    """What is called saved afterwards is there after a kill."""
    for file in (pexd.home / "networks" / BEREFT).glob("book.db*"):
        file.unlink()
    said = pexd.run("ban", "203.0.113.1", "--network", BEREFT, code=10)
    assert "not saved" in said or "unsaved" in said, said
    until("it is saved again", lambda: not next(
        status.get("unsavedReason") for status in pexd.status()["statuses"] if status["network"] == BEREFT
    ))
    pexd.run("ban", "203.0.113.2", "--network", BEREFT)
    pexd.kill()
    pexd.start()
    bans = pexd.run("bans", "--network", BEREFT)
    assert "203.0.113.1" in bans and "203.0.113.2" in bans, bans


def a_network_is_removed_and_pexd_killed(pexd):
    """It stays removed, its key is kept, and the audit says who did it."""
    refused = pexd.run("network", "remove", REMOVED, code=2)
    assert "--yes" in refused, refused
    key = json.loads((pexd.home / "networks" / REMOVED / "node_key.json").read_text())
    pexd.run("network", "remove", REMOVED, "--delete-data", "--yes")
    pexd.kill()
    pexd.start()
    assert REMOVED not in pexd.states()
    kept = [file for file in pexd.home.glob("node_key-*.json") if json.loads(file.read_text()) == key]
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600, kept
    audit = pexd.run("audit", "--network", "-")
    assert "RemoveNetwork" in audit and REMOVED in audit, audit


def a_client_has_no_token(pexd):
    """Over TCP it reads and changes nothing; with the first token it does not read either."""
    tcp = {**pexd.env(), "PEXD_SERVER": f"http://127.0.0.1:{pexd.admin}"}
    pexd.run("status", env=tcp)
    for change in (["ban", "203.0.113.9"], ["network", "stop", "--network", "chain-01"], ["network", "remove", "chain-01", "--yes"]):
        refused = pexd.run(*change, env=tcp, code=6)
        assert "pexd.sock" in refused and "pexd token add" in refused, refused
    assert pexd.states()["chain-01"] == "RUNNING"
    token = pexd.run("token", "add", "night").split()
    until("who has none is refused", lambda: subprocess.run([pexd.program, "status"], env=tcp, capture_output=True, check=False).returncode == 6)
    secret = next(word for word in token if len(word) >= 32)
    pexd.run("status", env={**tcp, "PEXD_TOKEN": secret})
    pexd.run("token", "remove", "night", "--yes")
    audit = pexd.run("audit", "--network", "-")
    assert "token night" in audit and secret not in audit, audit


def the_uplink_is_cut_before_a_restart(pexd, world, prometheus):
    """The critical alert fires although no answer was ever counted in this life, and does not end by itself."""
    world.kill()
    pexd.kill()
    pexd.start()
    unanswered = lambda firing: ("PexdDialsUnanswered", "") in firing
    prometheus.until_firing(pexd, "nobody answers", unanswered)
    prometheus.for_a_while(pexd, 15, unanswered)
    if prometheus.process:
        assert ("PexdDown", "") not in prometheus.firing(pexd)
    world.start()
    until("they serve again", lambda: pexd.servable() == len(CHAINS) - 1)
    # Three starts within half an hour are an alarm of their own, when none came between two scrapes.
    prometheus.until_firing(pexd, "it is over", lambda firing: firing <= {("PexdRestarts", "")})


def few_descriptors(program, folder):
    """One chain with 128 descriptors and more idle peers than that."""
    pexd = Pexd(program, folder, "few")
    pexd.init("chain-01", True)
    text = pexd.config("chain-01").read_text()
    none = "max_handshakes_per_ip = 0\nmax_handshakes = 0\nnew_connections_per_ip = 0\n"
    pexd.config("chain-01").write_text(text.replace("[pex]\n", f"[pex]\n{none}"))
    (folder / "few-prometheus").mkdir()
    prometheus = Prometheus(folder / "few-prometheus", [pexd])
    idle = []
    try:
        pexd.start(limit=128)
        prometheus.until_scraped(pexd)
        port = int(pexd.addresses["chain-01"].rsplit(":", 1)[1])
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        assert pexd.answers("/healthz")[0] == 200
        shortages = re.compile(r'pexd_descriptor_shortages_total\{use="inbound"\} (\d+)')
        # Scrapes within a second share one answer.
        until("refusals are counted", lambda: int(shortages.search(pexd.answers("/metrics")[1])[1]) > 100)
        pexd.run("ban", "203.0.113.1")
        prometheus.until_firing(pexd, "descriptors are short", lambda firing: ("PexdDescriptors", "") in firing)
        assert pexd.status()["process"]["networkCount"] == 1
    finally:
        for peer in idle:
            peer.close()
        prometheus.close()
        pexd.kill()


def main():
    program = sys.argv[1]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pexd-session-"))
    pexd, world = Pexd(program, folder, "pexd"), Pexd(program, folder, "world")
    prometheus = None
    try:
        for chain in CHAINS:
            world.init(chain, False)
            pexd.init(chain, True, world.addresses[chain])
        (folder / "prometheus").mkdir()
        prometheus = Prometheus(folder / "prometheus", [pexd])
        world.start()
        for step in [
            lambda: one_folder_is_broken(pexd, prometheus),
            lambda: a_book_is_deleted(pexd),
            lambda: a_network_is_removed_and_pexd_killed(pexd),
            lambda: the_uplink_is_cut_before_a_restart(pexd, world, prometheus),
            lambda: a_client_has_no_token(pexd),
            lambda: few_descriptors(program, folder),
        ]:
            began = time.monotonic()
            step()
            print(f"{step.__code__.co_names[0]}: ok, {time.monotonic() - began:.0f} s")
        pexd.process.send_signal(signal.SIGTERM)
        assert pexd.process.wait(60) == 0
        pexd.process = None
        shutil.rmtree(folder)
    except BaseException:
        # What an operator would look at first.
        for process in (pexd, world):
            if process.process and process.process.poll() is None:
                shown = subprocess.run([program, "status"], env=process.env(), capture_output=True, text=True, check=False)
                print(process.home, shown.stdout, shown.stderr, file=sys.stderr)
        raise
    finally:
        if prometheus:
            prometheus.close()
        pexd.kill()
        world.kill()
    print("the session passed")


if __name__ == "__main__":
    main()
