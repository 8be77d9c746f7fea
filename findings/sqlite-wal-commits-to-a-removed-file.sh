#!/bin/bash
# SQLite notices before it writes that a database file was removed or replaced while it is open (SQLITE_READONLY_DBMOVED, "attempt
# to write a readonly database") only with a rollback journal. In write-ahead mode every COMMIT goes on to succeed, with
# synchronous = FULL too, into files that have no name any more: what was acknowledged is gone with the process. And a copy
# that is put over the open file in place (`cp`) is taken without a word, too: whoever opens it next has the old log applied to it.
#
# Seen with SQLite 3.40.1 (Python 3.11), Linux x86-64, ext4 and tmpfs:
#
#   delete: removed, then COMMIT: attempt to write a readonly database
#   wal: removed, then COMMIT: no error; rows for whoever opens it next: no such file
#   wal: a copy of 1 row written over it, then COMMIT and a kill: no error; rows for whoever opens it next: 4
#
# Fails when write-ahead mode refuses to commit to a removed file. Needs Python 3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/child.py" << 'PYTHON'
import os, shutil, signal, sqlite3, sys

folder, mode, what = sys.argv[1:]
path = os.path.join(folder, "book.db")
db = sqlite3.connect(path, isolation_level=None)
db.execute(f"PRAGMA journal_mode = {mode}")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE t (a)")
db.execute("INSERT INTO t VALUES (1)")
db.execute("VACUUM INTO ?", [os.path.join(folder, "copy.db")])
db.execute("INSERT INTO t VALUES (2), (3)")
if what == "remove":
    os.remove(path)
else:
    shutil.copyfile(os.path.join(folder, "copy.db"), path)
try:
    db.execute("INSERT INTO t VALUES (4)")
    print("no error", flush=True)
except sqlite3.Error as error:
    print(error, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
PYTHON
run() {
    mkdir "$work/$1-$2"
    { python3 "$work/child.py" "$work/$1-$2" "$1" "$2" || true; } 2> /dev/null
}
rows() {
    python3 -c 'import os, sqlite3, sys
path = sys.argv[1]
print(sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone()[0] if os.path.exists(path) else "no such file")' "$1/book.db"
}

echo "delete: removed, then COMMIT: $(run delete remove)"
removed=$(run wal remove)
echo "wal: removed, then COMMIT: $removed; rows for whoever opens it next: $(rows "$work/wal-remove")"
written=$(run wal overwrite)
echo "wal: a copy of 1 row written over it, then COMMIT and a kill: $written; rows for whoever opens it next: $(rows "$work/wal-overwrite")"
[ "$removed" = "no error" ] || { echo "write-ahead mode notices it now" >&2; exit 1; }
