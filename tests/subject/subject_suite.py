"""What tests with subjects have in common: programs that are one side of a test, steered by the environment."""

import contextlib
import os
import re
import subprocess

WATCHDOG_S = 100  # ends what hangs; no statement about speed

VARIABLES = ("SUBJECT_MODE", "PEER_ADDR", "CLIENT_SCENARIO", "LISTEN_PORT", "LISTEN_PATH", "SPEC_TRANSPORT",
             "SPEC_CONDUIT", "STABLE_AWAY_MS", "TLS_CERTIFICATE", "TLS_KEY", "TLS_AUTHORITIES", "ACCEPT_CONNECTIONS",
             "SUBJECT_BREAK")


def environment(variables):
    return {**{name: value for name, value in os.environ.items() if name not in VARIABLES}, **variables}


def run(program, **variables):
    """A subject, until it has ended by itself."""
    return subprocess.run([program], capture_output=True, text=True, check=False, timeout=WATCHDOG_S,
                          stdin=subprocess.DEVNULL, env=environment(variables))


class Running:
    """A subject that runs while the test does something else."""

    def __init__(self, program, variables):
        self.process = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment(variables))

    def listens_at(self):
        line = self.process.stdout.readline()
        match = re.fullmatch(r"LISTEN_ADDR=(127\.0\.0\.1:\d+|/.+)\n", line)
        if not match:
            raise AssertionError(f"`{line}` tells of no address: {self.process.communicate()[1]}")
        return match.group(1)

    def end(self):
        """Its exit code and what it said, when it has ended by itself."""
        said, complaint = self.process.communicate(timeout=WATCHDOG_S)
        return self.process.returncode, said + complaint


@contextlib.contextmanager
def running(program, **variables):
    subject = Running(program, variables)
    try:
        yield subject
    finally:
        subject.process.kill()
        subject.process.communicate()


def make_certificate(folder):
    """What a subject needs for tls and wss: of who listens, and of who connects."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return {"TLS_CERTIFICATE": certificate, "TLS_KEY": key}, {"TLS_AUTHORITIES": certificate}
