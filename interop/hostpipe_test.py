#!/usr/bin/env python3
"""A hub of ours as the launcher of the host of hostpipe-python, and a host of ours under its launcher.

Usage: hostpipe_test.py PARLEY HOST [SCENARIO..]   PARLEY and HOST are the programs of ours
       hostpipe_test.py PARLEY HOST --list         what there is, a line each
"""

import contextlib
import faulthandler
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from peers import WATCHDOG_S

sys.path.insert(0, str(Path(__file__).resolve().parent / "hostpipe-python"))
from pipe import Ended, Host, Launcher, serve_in_thread

SPAWN = "host.spawn_pool_window"
FAILED, NOT_FOUND, LOST, UNKNOWN = 1, 13, 18, 19  # exit codes of `parley call`
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def expect(is_so, what):
    if not is_so:
        raise AssertionError(what)


def equal(seen, expected):
    expect(seen == expected, f"{seen!r} is not {expected!r}")


class Call:
    """`parley call`, beside the test."""

    def __init__(self, place, name, arguments, options):
        words = [place.program, "call", name, *([json.dumps(arguments)] if arguments is not None else []), *options]
        self.process = subprocess.Popen([*words, "--hub", place.hub], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place.environment)

    def end(self):
        """The exit code, and what it prints."""
        out, err = self.process.communicate(timeout=WATCHDOG_S)
        return self.process.returncode, out if self.process.returncode == 0 else err

    def result(self):
        code, text = self.end()
        expect(code == 0, f"it ended with {code}: {text}")
        return json.loads(text)


class Place:
    """A hub in a folder of its own."""

    def __init__(self, program, host_program, stack, *words):
        self.program = program
        self.host_program = host_program
        self.stack = stack
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-pipe-"))
        self.path = f"{self.folder}/hub.sock"
        self.hub = f"unix:{self.path}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.environment["XDG_RUNTIME_DIR"] = self.environment["XDG_CONFIG_HOME"] = self.folder
        words = ["--hostpipe-command", "spawn_pool_window", "--hostpipe-command", "reap_panes", "--hostpipe-probe",
                 "probe_ui_thread", "--hostpipe-event", "build.**", *words]
        self.process = subprocess.Popen([program, "hub", "--listen", self.hub, *words], cwd="/", text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=self.environment)
        stack.callback(self.process.stdout.close)
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        line = self.process.stdout.readline()
        expect("hub: listens at " in line, f"the hub says {line!r}")

    def host(self, actions=None, registers=True):
        host = Host(self.path, actions)
        self.stack.callback(host.close)
        if registers:
            kind, said = host.register()
            equal((kind, said["event"], said["pid"]), ("event", "registered", os.getpid()))
            # Its commands are there once the hub has asked the registry.
            while "probe_ui_thread" not in self.snapshot(host)["commands"]:
                pass
        return host

    @staticmethod
    def snapshot(host):
        host.say(cmd="get_snapshot", request_id="s")
        said = host.event("snapshot")
        equal(said["request_id"], "s")
        return said

    def call(self, name, arguments=None, *options):
        return Call(self, name, arguments, options)

    def emit(self, name, payload):
        subprocess.run([self.program, "emit", name, json.dumps(payload), "--hub", self.hub], check=True,
                       env=self.environment, timeout=WATCHDOG_S)

    def counters(self):
        ran = subprocess.run([self.program, "call", "parley.Hub.counters", "--hub", self.hub, "--json"], check=True,
                             stdout=subprocess.PIPE, text=True, env=self.environment, timeout=WATCHDOG_S)
        return {each["name"]: int(each["value"]) for each in json.loads(ran.stdout)}


def added(said):
    return "report_pool_window_added", {"label": said["label"]}


# --- a hub of ours as the launcher


@scenario
def a_command_is_done_and_reported(place):
    host = place.host({"spawn_pool_window": added})
    serve_in_thread(host)
    for label in ("p-1", "p-2"):
        result = place.call(SPAWN, {"label": label}).result()
        equal((result["cmd"], result["label"]), ("report_pool_window_added", label))
        expect(result["saga_id"] > 0, "it has a saga")
    equal(len(host.ran), 2)
    equal(host.skipped, [])


@scenario
def what_the_host_cannot_do_is_told(place):
    def fails(said):
        raise RuntimeError("no room for windows")

    serve_in_thread(place.host({"spawn_pool_window": fails}))
    code, text = place.call(SPAWN, {"label": "x"}).end()
    equal(code, FAILED)
    expect("no room for windows" in text, text)


@scenario
def a_step_that_is_said_again_is_done_once(place):
    host = place.host({"spawn_pool_window": added})
    serve_in_thread(host)
    first = place.call(SPAWN, {"label": "x", "saga_id": 42}).result()
    again = place.call(SPAWN, {"label": "x", "saga_id": 42}).result()
    equal(first, again)
    equal(host.ran, [(42, "spawn_pool_window")])


@scenario
def a_probe_is_answered_by_its_nonce(place):
    host = place.host()
    call = place.call("host.probe_ui_thread")
    said = host.command("probe_ui_thread")
    host.say(cmd="ui_thread_alive", nonce=said["nonce"])
    equal(call.result()["nonce"], said["nonce"])


@scenario
def events_reach_the_host_and_its_facts_the_hub(place):
    host = place.host()
    place.emit("build.done", {"ok": True})
    equal(host.event("build.done"), {"event": "build.done", "ok": True, "version": 1})
    place.emit("other.done", {"ok": True})
    place.emit("build.text", [1, 2])
    equal(host.event("build.text"), {"event": "build.text", "payload": [1, 2], "version": 2})
    host.say(cmd="get_events", since=1)
    listed = host.event("event_list")
    equal(([each["version"] for each in listed["events"]], listed["complete_from"], listed["truncated"]),
          ([2], 2, False))
    listening = subprocess.Popen([place.program, "listen", "host.**", "--count", "1", "--json", "--hub", place.hub],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=place.environment)
    place.stack.callback(listening.stdout.close)
    place.stack.callback(listening.wait)
    place.stack.callback(listening.kill)
    lines = []
    reader = threading.Thread(target=lambda: lines.append(listening.stdout.readline()))
    reader.start()
    while reader.is_alive():  # until somebody listens
        host.say(cmd="report_window_opened", label="main")
        reader.join(0.1)
    expect("host.window_opened" in lines[0] and "main" in lines[0], lines[0])


@scenario
def bad_lines_are_told_and_the_pipe_goes_on(place):
    host = place.host()
    for line in (b"nonsense\n", b"{\"kind\":\"host\"}\n", b"\xff\xfe\n", b"[1,2]\n", b"{\"cmd\":\"create_tab\"}\n"):
        host.write(line)
        said = host.event("error")
        equal((said["code"], said["fatal"]), ("invalid_command", False))
    host.write(b"\n \r\n\n")
    host.say(cmd="ping", future_field={"any": "thing"})
    host.event("pong")


@scenario
def a_line_that_is_too_long_is_told_and_the_pipe_goes_on(place):
    host = place.host()
    host.write(b"x" * ((1 << 20) + 1) + b"\n")
    equal(host.event("error")["code"], "invalid_command")
    host.say(cmd="ping")
    host.event("pong")


@scenario
def before_it_registers_little_is_allowed(place):
    host = place.host(registers=False)
    for name in ("ping", "get_snapshot", "get_events", "spawn_pool_window"):
        host.say(cmd=name)
        said = host.event("error")
        equal((said["code"], said["fatal"]), ("not_registered", False))
    host.say(cmd="report_window_opened")
    equal(host.event("error")["fatal"], True)
    expect(host.ended(), "it is closed")


@scenario
def two_hosts_at_once_are_one_and_a_refusal(place):
    host = place.host({"spawn_pool_window": added})
    other = place.host(registers=False)
    kind, said = other.register()
    equal((said["event"], said["code"], said["fatal"]), ("error", "already_registered", True))
    expect(other.ended(), "it is closed")
    serve_in_thread(host)
    equal(place.call(SPAWN, {"label": "x"}).result()["label"], "x")


@scenario
def a_host_that_lies_about_its_process_is_refused(place):
    host = place.host(registers=False)
    kind, said = host.register(pid=os.getppid())
    equal((said["event"], said["fatal"]), ("error", True))
    expect(host.ended(), "it is closed")


@scenario
def half_a_line_and_then_death_is_unknown(place):
    host = place.host()
    call = place.call(SPAWN, {"label": "x"})
    said = host.command("spawn_pool_window")
    host.write(b'{"cmd":"report_pool_window_added","saga_id":%d,"la' % said["saga_id"])
    host.close()
    code, text = call.end()
    equal(code, UNKNOWN)
    equal(place.call(SPAWN, {"label": "x"}).end()[0], NOT_FOUND)


@scenario
def a_host_that_is_killed_in_the_middle_of_a_line_costs_its_call_alone(place):
    child = os.fork()
    if child == 0:
        host = Host(place.path)
        host.register()
        said = host.command("spawn_pool_window")
        host.write(b'{"cmd":"report_pool_window_added","saga_id":%d' % said["saga_id"])
        os.kill(os.getpid(), signal.SIGKILL)
    ends = None
    while ends != UNKNOWN:  # not found, until it has registered
        ends, text = place.call(SPAWN, {"label": "x"}).end()
        expect(ends in (UNKNOWN, NOT_FOUND), f"{ends}: {text}")
    os.waitpid(child, 0)
    serve_in_thread(place.host({"spawn_pool_window": added}))
    equal(place.call(SPAWN, {"label": "y"}).result()["label"], "y")


@scenario
def a_host_that_is_stopped_holds_nobody_up_and_is_given_up(place):
    child = os.fork()
    if child == 0:
        host = Host(place.path)
        host.register()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    large = {"text": "x" * 100_000}
    calls = [place.call(SPAWN, large) for _ in range(8)]
    place.emit("build.done", {})  # others go on meanwhile
    ends = [call.end()[0] for call in calls]
    expect(set(ends) <= {UNKNOWN, LOST, NOT_FOUND}, f"{ends}")
    expect(LOST in ends, f"what was not sent is told so: {ends}")
    equal(place.counters()["hostpipe_stuck"], 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    serve_in_thread(place.host({"spawn_pool_window": added}))
    equal(place.call(SPAWN, {"label": "y"}).result()["label"], "y")


# --- a host of ours under the launcher of hostpipe-python


class Ours:
    """A launcher with the program HOST, whose commands are host.echo and host.fail."""

    def __init__(self, place):
        self.path = f"{place.folder}/launcher.sock"
        self.launcher = Launcher(self.path)
        place.stack.callback(self.launcher.close)
        self.process = subprocess.Popen([place.host_program, f"unix:{self.path}"], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, env=place.environment)
        place.stack.callback(self.process.stdout.close)
        place.stack.callback(self.process.wait)
        place.stack.callback(self.process.kill)
        equal(self.launcher.accept(), {"cmd": "register", "kind": "host", "pid": self.process.pid})
        equal(self.process.stdout.readline(), "registered\n")  # and listens


@scenario
def ours_does_what_the_launcher_wants(place):
    ours = Ours(place)
    launcher = ours.launcher
    launcher.command("echo", 42, label="main")
    equal(launcher.said(), {"cmd": "report_echoed", "saga_id": 42, "label": "main"})
    launcher.command("echo", 42, label="main")
    equal(launcher.said(), {"cmd": "report_echoed", "saga_id": 42, "label": "main"})
    launcher.command("fail", 43)
    said = launcher.said()
    equal((said["cmd"], said["saga_id"]), ("saga_action_failed", 43))
    expect("as asked" in said["reason"], said)
    launcher.command("nobody_has_this", 44)
    equal(launcher.said()["saga_id"], 44)


@scenario
def ours_hears_events_and_skips_what_is_none(place):
    ours = Ours(place)
    launcher = ours.launcher
    launcher.host.write(b"nonsense\n\n{\"kind\":\"query\"}\n")
    launcher.event("say_it_again", label="x")
    equal(launcher.said(), {"cmd": "report_heard", "label": "x"})
    launcher.host.say(kind="event", event="say_it_again", label="y", version=9)
    equal(launcher.said(), {"cmd": "report_heard", "label": "y"})


@scenario
def ours_ends_with_its_launcher(place):
    ours = Ours(place)
    ours.launcher.host.write(b'{"kind":"command","cmd":"echo","sa')
    ours.launcher.close()
    equal(ours.process.wait(timeout=WATCHDOG_S), 0)


def run(program, host_program, name):
    faulthandler.dump_traceback_later(WATCHDOG_S, exit=True)
    with contextlib.ExitStack() as stack:
        SCENARIOS[name](Place(program, host_program, stack))
    faulthandler.cancel_dump_traceback_later()


def main():
    program, host_program = (os.path.abspath(each) for each in sys.argv[1:3])
    words = sys.argv[3:]
    if words == ["--list"]:
        print("\n".join(SCENARIOS))
        return
    failed = 0
    for name in words or SCENARIOS:
        try:
            run(program, host_program, name)
            print(f"ok      {name}", flush=True)
        except Exception as error:
            failed += 1
            line = [each.lineno for each in inspect.trace() if each.filename == __file__][-1]
            print(f"FAILED  {name}: {type(error).__name__} at line {line}: {error}", flush=True)
    print(f"{len(words or SCENARIOS) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
