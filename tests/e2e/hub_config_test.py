#!/usr/bin/env python3
"""The configuration of a hub, as its owner writes it: which file counts, and what is said of mistakes.

Usage: hub_config_test.py PARLEY
"""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

PARLEY = os.path.abspath(sys.argv[1])


class HubConfigTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="hub-config-"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.environment["XDG_RUNTIME_DIR"] = self.environment["HOME"] = self.place
        self.environment.pop("XDG_CONFIG_HOME", None)

    def write(self, name, text):
        path = f"{self.place}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def read(self, name):
        with open(f"{self.place}/{name}", encoding="utf-8") as file:
            return file.read()

    def hub(self, *arguments, **environment):
        return subprocess.run([PARLEY, "hub", *arguments], capture_output=True, text=True, cwd="/", check=False,
                              timeout=100, env={**self.environment, **environment})

    def printed(self, *arguments, **environment):
        ran = self.hub("--print-config", *arguments, **environment)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def test_the_nearest_file_counts(self):
        self.assertIn("depth_max = 64  # default", self.printed())
        self.write(".config/parley/hub.toml", "[limits]\ndepth_max = 1\n")
        self.assertIn("depth_max = 1  #", self.printed())
        self.write("parley/hub.toml", "[limits]\ndepth_max = 2\n")
        self.assertIn("depth_max = 2  #", self.printed(XDG_CONFIG_HOME=self.place))
        named = self.write("named.toml", "[limits]\ndepth_max = 3\n")
        self.assertIn(f"depth_max = 3  # {named}:2:1", self.printed(PARLEY_CONFIG=named))
        said = self.write("said.toml", "[limits]\ndepth_max = 4\n")
        self.assertIn("depth_max = 4  #", self.printed("--config", said, PARLEY_CONFIG=named))
        self.assertIn("depth_max = 5  # PARLEY_LIMITS_DEPTH_MAX",
                      self.printed("--config", said, PARLEY_LIMITS_DEPTH_MAX="5"))

    def test_a_file_that_is_named_must_be_there(self):
        for ran in (self.hub("--config", "/nowhere/hub.toml"), self.hub(PARLEY_CONFIG="/nowhere/hub.toml")):
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr),
                             (2, "", "parley: /nowhere/hub.toml cannot be read: No such file or directory\n"))
        ran = self.hub("--config", self.place)
        self.assertEqual((ran.returncode, ran.stderr), (2, f"parley: {self.place} cannot be read: Is a directory\n"))

    def test_a_hub_with_mistakes_does_not_start_and_tells_all_of_them(self):
        path = self.write("hub.toml", "[limits]\ndepth_mx = 3\nsessions_max = \"many\"\n")
        ran = self.hub("--config", path)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertEqual(ran.stderr,
                         f"parley: {path}:2:1: there is no limits.depth_mx; did you mean depth_max?\n"
                         f"parley: {path}:3:1: limits.sessions_max wants a whole number, and this is text\n")

    def test_it_has_tls_by_its_configuration_and_clients_by_their_environment(self):
        certificate = f"{self.place}/hub.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "1", "-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        f"{self.place}/hub.key", "-out", certificate], check=True, capture_output=True)
        token = self.write("ci.token", "what the token ci is known by")
        os.chmod(token, 0o600)
        path = self.write("hub.toml", f'listen = ["tcp:127.0.0.1:0"]\nallow = ["token:ci see **"]\n'
                          f'[tokens]\nci = "{token}"\n'
                          f'[tls]\ncertificate = "{certificate}"\nkey = "{self.place}/hub.key"\n')
        os.chmod(path, 0o600)
        hub = subprocess.Popen([PARLEY, "hub", "--config", path], stdout=subprocess.PIPE, text=True,
                               env=self.environment)
        self.addCleanup(hub.stdout.close)
        self.addCleanup(hub.wait)
        self.addCleanup(hub.terminate)
        where = hub.stdout.readline().split()[3].removeprefix("tcp:")

        def who(scheme, **environment):
            return subprocess.run([PARLEY, "who", "--hub", f"{scheme}:{where}", "--token-file", token], text=True,
                                  capture_output=True, check=False, timeout=100,
                                  env={**self.environment, **environment})

        for scheme in ("tcp", "tls", "ws", "wss"):
            ran = who(scheme, PARLEY_TLS_AUTHORITIES=certificate)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), scheme)
            self.assertIn("token:ci", ran.stdout)
        for scheme in ("tls", "wss"):
            ran = who(scheme)
            self.assertEqual(ran.returncode, 3)
            self.assertIn("certificate is not accepted", ran.stderr)
            self.assertIn("PARLEY_TLS_AUTHORITIES names the file", ran.stderr)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.place)

    def issue(self, name):
        """A certificate of the authority, NAME.pem and NAME.key, in the place of one that was there."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", "csr")
        self.write("extensions", "subjectAltName=IP:127.0.0.1")
        self.openssl("x509", "-req", "-in", "csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
                     "-days", "1", "-extfile", "extensions", "-out", f"{name}.pem")

    def test_clients_are_known_by_their_certificates_and_a_hangup_brings_new_ones(self):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                     "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.pem")
        for name in ("hub", "worker-7", "worker-8"):
            self.issue(name)
        written = (f'listen = ["tcp:127.0.0.1:0"]\nallow = ["certificate:worker-7 see,operate **"]\n'
                   f'[tls]\ncertificate = "{self.place}/hub.pem"\nkey = "{self.place}/hub.key"\n'
                   f'authorities = "{self.place}/authority.pem"\n')
        path = self.write("hub.toml", written)
        os.chmod(path, 0o600)
        ran = self.hub("--config", path)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("a rule names a certificate, and nobody is asked for one", ran.stderr)
        self.write("hub.toml", written + 'clients = "required"\n')
        hub = subprocess.Popen([PARLEY, "hub", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=self.environment)
        self.addCleanup(hub.stdout.close)
        self.addCleanup(hub.stderr.close)
        self.addCleanup(hub.wait)
        self.addCleanup(hub.terminate)
        where = hub.stdout.readline().split()[3].removeprefix("tcp:")

        def ask(what, name, authority="authority"):
            return subprocess.run([PARLEY, what, "--hub", f"tls:{where}"], text=True, capture_output=True, check=False,
                                  timeout=100,
                                  env={**self.environment, "PARLEY_TLS_AUTHORITIES": f"{self.place}/{authority}.pem",
                                       "PARLEY_TLS_CERTIFICATE": f"{self.place}/{name}.pem",
                                       "PARLEY_TLS_KEY": f"{self.place}/{name}.key"})

        ran = ask("who", "worker-7")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertIn("certificate:worker-7", ran.stdout)
        ran = ask("who", "worker-8")
        self.assertIn("no rule of this hub names certificate:worker-8", ran.stderr)
        self.assertIn("certificate:worker-8", ask("audit", "worker-7").stdout)

        # What is bad changes nothing; what is good is there for who comes next.
        good = self.read("hub.pem")
        self.write("hub.pem", "rubbish")
        hub.send_signal(signal.SIGHUP)
        self.assertIn("those from before stay", hub.stderr.readline())
        self.assertIn("say SIGHUP again", hub.stderr.readline())
        self.assertEqual(ask("who", "worker-7").returncode, 0)
        self.assertNotEqual(ask("who", "worker-7", "hub").returncode, 0, "it does not trust rubbish")
        os.rename(f"{self.place}/authority.pem", f"{self.place}/first.pem")
        os.rename(f"{self.place}/authority.key", f"{self.place}/first.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                     "-subj", "/CN=another authority", "-keyout", "authority.key", "-out", "authority.pem")
        self.issue("hub")
        self.assertNotEqual(self.read("hub.pem"), good)
        hub.send_signal(signal.SIGHUP)
        self.assertIn("has read its certificates again", hub.stdout.readline())
        self.assertNotEqual(ask("who", "worker-7").returncode, 0, "of the first authority")
        self.issue("worker-7")
        ran = ask("who", "worker-7")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertIn("certificate:worker-7", ran.stdout)
        hub.terminate()
        self.assertEqual(hub.wait(), 0)

    def test_without_a_certificate_a_hangup_ends_it(self):
        hub = subprocess.Popen([PARLEY, "hub", "--listen", f"unix:{self.place}/s"], stdout=subprocess.PIPE, text=True,
                               env=self.environment)
        self.assertIn("listens at", hub.stdout.readline())
        hub.send_signal(signal.SIGHUP)
        self.assertEqual(hub.wait(), 0)
        hub.stdout.close()

    def test_it_listens_where_it_is_told_to(self):
        address = f"unix:{self.place}/other.sock"
        path = self.write("hub.toml", f'listen = ["{address}"]\n')
        hub = subprocess.Popen([PARLEY, "hub", "--config", path], stdout=subprocess.PIPE, text=True,
                               env=self.environment)
        self.assertIn(f"listens at {address}", hub.stdout.readline())
        hub.terminate()
        self.assertEqual(hub.wait(), 0)
        hub.stdout.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
