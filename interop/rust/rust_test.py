#!/usr/bin/env python3
"""Parley against the published crates of roam 7.3: every method, both roles, bare and stable, over each link they have.

Usage: rust_test.py SUBJECT BUILD_FOLDER
       rust_test.py --why-not BUILD_FOLDER   prints why it cannot run here, or nothing

SUBJECT is the program of tests/subject. What Rust builds goes to BUILD_FOLDER, and so does its copy of the sources,
because cargo writes beside them. Exit code 77 says that there is no cargo, or that its registry is not reached.
"""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/subject"))
from subject_suite import run, running  # noqa: E402

SKIPPED = 77
FETCH_MAX_S = 300

PARLEY = ROAM = ""  # the two subjects

# --- the build


def prepare(build):
    """The crate, copied; only what changed, so that cargo builds nothing twice."""
    crate = build / "crate"
    for source in [HERE / "Cargo.toml", *sorted((HERE / "src").glob("*.rs"))]:
        copy = crate / source.relative_to(HERE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            shutil.copyfile(source, copy)
    return crate


def cargo(build, *arguments, **options):
    return subprocess.run(["cargo", *arguments, "--manifest-path", str(prepare(build) / "Cargo.toml")], check=False,
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "CARGO_TARGET_DIR": str(build / "target"), "CARGO_TERM_COLOR": "never"},
                          **options)


def why_not(build):
    """Why the Rust side cannot be built here; empty if it can."""
    if not shutil.which("cargo"):
        return "there is no cargo here"
    try:
        fetched = cargo(build, "fetch", timeout=FETCH_MAX_S)
    except subprocess.TimeoutExpired:
        return f"cargo had not fetched the crates after {FETCH_MAX_S} s"
    if fetched.returncode == 0:
        return ""
    errors = [line for line in fetched.stdout.splitlines() if line.startswith("error")]
    return "cargo cannot fetch the crates: " + (errors[0] if errors else f"it ended with {fetched.returncode}")


def build_roam_subject(build):
    built = cargo(build, "build")
    if built.returncode:
        sys.exit(built.stdout)
    return str(build / "target/debug/roam_subject")


# --- the matrix

TRANSPORTS = ("tcp", "unix", "ws")
CONDUITS = ("bare", "stable")

# Where nothing breaks, a stable session that was left in good order by a peer that cannot say so is over soon.
AWAY = {"STABLE_AWAY_MS": "200"}


class RustTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="interop-"))
        self.sockets = itertools.count()

    def link(self, transport, conduit):
        return {"SPEC_TRANSPORT": transport, "SPEC_CONDUIT": conduit,
                "LISTEN_PATH": os.path.join(self.place, f"{next(self.sockets)}.sock")}

    def passes(self, listener, dialer, dialer_is_client, **variables):
        """Every scenario, on one session; both programs end by themselves and complain of nothing."""
        roles = ("server-listen", "client") if dialer_is_client else ("client-listen", "server")
        variables = {**variables, "CLIENT_SCENARIO": "all"}
        with running(listener, SUBJECT_MODE=roles[0], **variables) as listening:
            dialed = run(dialer, SUBJECT_MODE=roles[1], PEER_ADDR=listening.listens_at(), **variables)
            self.assertEqual((dialed.returncode, dialed.stdout + dialed.stderr), (0, ""))
            self.assertEqual(listening.end(), (0, ""))


class Matrix(RustTest):
    def test_every_scenario_passes_whoever_dials_and_whoever_calls(self):
        for transport, conduit in itertools.product(TRANSPORTS, CONDUITS):
            for listener, dialer in ((PARLEY, ROAM), (ROAM, PARLEY)):
                for dialer_is_client in (True, False):
                    dials = "roam" if dialer == ROAM else "parley"
                    with self.subTest(transport=transport, conduit=conduit, dials=dials, dialer_calls=dialer_is_client):
                        self.passes(listener, dialer, dialer_is_client, **self.link(transport, conduit), **AWAY)


# --- stable sessions whose links are cut


class Cutter:
    """Stands between the two ends of a session over TCP, and cuts the links one after another."""

    def __init__(self, peer, cuts):
        self.peer = peer
        self.cuts = list(cuts)  # how many bytes pass over each link before it is cut; later ones are whole
        self.links = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.sockets, self.threads = [self.listener], []
        self.begin(self.accept)

    def begin(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self.threads.append(thread)
        thread.start()

    def close(self):
        self.shut(self.listener, socket.SHUT_RDWR)
        self.threads[0].join()  # the one that accepts, and makes the others
        for end in self.sockets:
            self.shut(end, socket.SHUT_RDWR)
        for thread in self.threads[1:]:
            thread.join()
        for end in self.sockets:
            end.close()

    @staticmethod
    def shut(end, how):
        with contextlib.suppress(OSError):
            end.shutdown(how)

    def accept(self):
        host, port = self.peer.split(":")
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            self.sockets.append(near)
            try:
                far = socket.create_connection((host, int(port)))
            except OSError:
                self.shut(near, socket.SHUT_RDWR)
                continue
            self.sockets.append(far)
            left = [self.cuts[self.links] if self.links < len(self.cuts) else None]
            self.links += 1
            for source, target in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.begin(self.pass_on, source, target, left)

    def pass_on(self, source, target, left):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                with self.lock:
                    is_cut = left[0] is not None and len(data) >= left[0]
                    if left[0] is not None:
                        data = data[:max(left[0], 0)]
                        left[0] -= len(data)
                target.sendall(data)
                if is_cut:
                    break
            else:
                self.shut(target, socket.SHUT_WR)  # an end in good order is passed on as one
                return
        for end in (source, target):
            self.shut(end, socket.SHUT_RDWR)


class Cuts(RustTest):
    def goes_on(self, listener, dialer, dialer_is_client, scenario):
        roles = ("server-listen", "client") if dialer_is_client else ("client-listen", "server")
        variables = {"SPEC_CONDUIT": "stable", "CLIENT_SCENARIO": scenario}
        with running(listener, SUBJECT_MODE=roles[0], **variables) as listening:
            with contextlib.closing(Cutter(listening.listens_at(), self.cuts)) as cutter:
                with running(dialer, SUBJECT_MODE=roles[1], PEER_ADDR=cutter.address, **variables) as dialing:
                    calling = dialing if dialer_is_client else listening
                    self.assertEqual(calling.end(), (0, ""))
                self.assertGreater(cutter.links, 2)

    def test_a_stable_session_goes_on_over_other_links_whoever_dials_and_whoever_calls(self):
        self.cuts = [1000 + 613 * i for i in range(20)]
        for listener, dialer in ((PARLEY, ROAM), (ROAM, PARLEY)):
            for dialer_is_client in (True, False):
                with self.subTest(dials="roam" if dialer == ROAM else "parley", dialer_calls=dialer_is_client):
                    self.goes_on(listener, dialer, dialer_is_client, "all")

    # It writes that to the old link, and not to the next one. Where it listens, such a write may fail, and its call is
    # cancelled there, whatever the other end does: nothing can be said of that.
    def test_what_roam_says_while_it_has_no_link_is_not_lost(self):
        self.cuts = [400 + 100 * i for i in range(10)]
        self.goes_on(PARLEY, ROAM, True, "ticking")


def main():
    global PARLEY, ROAM
    if sys.argv[1] == "--why-not":
        print(why_not(Path(sys.argv[2])))
        return
    build = Path(sys.argv[2]).absolute()
    if reason := why_not(build):
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    PARLEY, ROAM = os.path.abspath(sys.argv[1]), build_roam_subject(build)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
