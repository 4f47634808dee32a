"""A PostgreSQL server of this machine, on a socket in a folder of its own: start it, connect to it, end it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parents[1].name))
FOUND = str(PROGRAMS[-1]) if PROGRAMS else shutil.which("postgres")
PATIENCE = 60.0  # seconds until something that must happen has happened


class Postgres:
    """A server that listens on a socket in `folder` only.  It runs as another user if this process is root's."""

    def __init__(self) -> None:
        assert FOUND is not None
        self.folder = tempfile.mkdtemp(prefix="historian-postgres-")
        user = {} if os.geteuid() else {"user": _other_user(), "extra_groups": []}
        if user:
            os.chown(self.folder, user["user"], -1)
        data = f"{self.folder}/data"
        command = [str(Path(FOUND).with_name("initdb")), "-D", data, "-E", "UTF8", "--locale=C", "-A", "trust"]
        command += ["-U", "tester", "--no-sync"]
        subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE, **user)
        command = [FOUND, "-D", data, "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        self._log = open(f"{self.folder}/log", "wb")
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True, **user
        )
        self.address = f"host={self.folder} user=tester dbname=postgres"

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)  # ends the connections, then itself
        self._process.wait(PATIENCE)
        self._log.close()
        shutil.rmtree(self.folder)


def _other_user() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("there is no user other than root to run the server")
