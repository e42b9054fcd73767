"""Tables of what bench/run.py measured. Ratios are taken within one repetition, and then their median."""

import statistics
from collections import namedtuple

OURS = "parley"  # the name that our peer prints

# --- the goals -------------------------------------------------------------------------------------------------------

# What is compared: a figure of ours with the same or another figure, and what it must and should be.
Figure = namedtuple("Figure", "case peer key item transport", defaults=(0, "unix"))
Goal = namedtuple("Goal", "what ours reference sense must should", defaults=(None,))


def against(what, ours, peer, sense, must, should=None):
    return Goal(what, ours, ours._replace(peer=peer), sense, must, should)


ASIO, GRPC, BATCH, SPIN = "asio-epoll", "grpc-cb", "raw-batch", f"{OURS}-spin"
SECURE = ("tls", "websocket", "wss")
HUB, RELAY, TALK = f"{OURS}-hub", "asio-relay", f"{OURS}-talk"


def secure(variant):
    return Figure("T-stream", f"{OURS}-{variant}", "rate", 65536, "tcp")


def talk_over_tcp(variant):
    return Figure("H-talk", f"{TALK}-{variant}", "p50_us", transport="tcp")


GOALS = [
    against("1 in flight, p50", Figure("A", OURS, "p50_us"), ASIO, "<=", 1.10, 1.00),
    against("1 in flight, CPU", Figure("A", OURS, "cpu_us"), ASIO, "<=", 1.15, 0.95),
    against("1 in flight, spinning, p50", Figure("A-spin", SPIN, "p50_us"), ASIO, "<=", 0.45, 0.35),
    against("paced, spinning against not, p50", Figure("A-paced-spin", SPIN, "p50_us"), OURS, "<=", 1.15),
    against("one core, spinning against not, p50", Figure("A-same-spin", SPIN, "p50_us"), OURS, "<=", 1.15),
    against("64 in flight, rate", Figure("B", OURS, "rate"), ASIO, ">=", 0.70, 0.85),
    against("64 in flight, rate", Figure("B", OURS, "rate"), GRPC, ">=", 30),
    against("512 in flight, rate", Figure("B512", OURS, "rate"), ASIO, ">=", 0.60, 0.90),
    against("64 B items, window 16", Figure("C-w16", OURS, "rate", 64), GRPC, ">=", 2),
    against("64 B items, window 256", Figure("C-w256", OURS, "rate", 64), GRPC, ">=", 18),
    against("64 B items, window 1024", Figure("C-w1024", OURS, "rate", 64), GRPC, ">=", 35),
    against("64 B items, default window", Figure("C", OURS, "rate", 64), GRPC, ">=", 18),
    against("4 KiB items, window 256", Figure("C-w256", OURS, "rate", 4096), BATCH, ">=", 0.75, 0.85),
    against("64 KiB items, default window", Figure("C", OURS, "rate", 65536), ASIO, ">=", 0.90),
    against("64 KiB items over TLS", secure("tls"), "asio-tls", ">=", 0.95),
    against("64 KiB items over WebSocket", secure("websocket"), "asio-websocket", ">=", 0.95),
    against("64 KiB items over both", secure("wss"), "asio-wss", ">=", 0.95),
    Goal("idle connection, server KiB", Figure("E", OURS, "server_kib_per_conn"), None, "<=", 4),
    Goal("idle connection, client KiB", Figure("E", OURS, "client_kib_per_conn"), None, "<=", 4),
    against("through a hub, 1 in flight, p50", Figure("H", HUB, "p50_us"), RELAY, "<=", 1.25),
    against("after an introduction, 1 in flight, p50", Figure("H", f"{HUB}-introduced", "p50_us"), OURS, "<=", 1.05),
    against("a conversation with somebody in the hub, p50", Figure("H-talk", f"{TALK}-hub", "p50_us"), ASIO, "<=", 2),
    against("a conversation with somebody in the hub over TCP, p50", talk_over_tcp("hub"), ASIO, "<=", 2),
    against("a conversation with a worker, p50", Figure("H-talk", f"{TALK}-worker", "p50_us"), RELAY, "<=", 1.5),
    against("a conversation with a worker over TCP, p50", talk_over_tcp("worker"), RELAY, "<=", 1.5),
    Goal("who waits in a conversation is told of a death, p50", Figure("H-deaths", f"{TALK}-waiter", "p50_us"),
         Figure("H-deaths", f"{TALK}-file", "p50_us"), "<=", 1.3),
    against("a command of an outbox, p50", Figure("O", "outbox", "p50_us"), ASIO, "<=", 1.5),
    against("commands of an outbox, 64 in flight, rate", Figure("O64", "outbox", "rate"), ASIO, ">=", 0.15),
    Goal("send() to an outbox, p99, us", Figure("O", "outbox-enqueue", "p99_us"), None, "<=", 1000),
    Goal("send() to an outbox whose peer is stopped, p99, us", Figure("O", "outbox-stopped", "p99_us"), None, "<=",
         1000),
    Goal("idle session of 10,000 at a hub, KiB", Figure("H-idle", HUB, "server_kib_per_conn"), None, "<=", 4),
    Goal("wake-ups of a hub of 10,000 idle sessions", Figure("H-idle", HUB, "idle_wakeups"), None, "<=", 0),
    Goal("others at a hub flooded with items, p99 of its queue, us", Figure("H-flood", f"{HUB}-items", "p99_us"), None,
         "<=", 1000),
    Goal("others at a hub flooded with calls, p99 of its queue, us", Figure("H-flood", f"{HUB}-calls", "p99_us"), None,
         "<=", 1000),
    Goal("parley call, from start to exit, us", Figure("H-program", "parley call", "p50_us"), None, "<=", 15000),
]


def by_rep(rows, figure):
    """{repetition: value} of a figure."""
    return {row["rep"]: row[figure.key] for row in rows
            if row["case"] == figure.case and row["peer"] == figure.peer and row.get("item", 0) == figure.item and
            row.get("transport", "unix") == figure.transport and figure.key in row}


def values_of(rows, goal):
    """What a goal is about, in each repetition that measured both sides."""
    ours = by_rep(rows, goal.ours)
    if goal.reference is None:
        return list(ours.values())
    reference = by_rep(rows, goal.reference)
    return [value / reference[rep] for rep, value in ours.items() if reference.get(rep)]


def reached(value, sense, bound):
    return value <= bound if sense == "<=" else value >= bound


def verdict(value, goal, bound):
    if bound is None:
        return "–"
    sign = "≤" if goal.sense == "<=" else "≥"
    return f"{sign} {bound:g} {'ok' if reached(value, goal.sense, bound) else '**short**'}"


def goals(rows):
    lines = []
    for goal in GOALS:
        to = goal.reference.peer if goal.reference else ""
        values = values_of(rows, goal)
        if not values:
            lines.append([goal.what, to, "not measured", "", ""])
            continue
        median = statistics.median(values)
        shown = f"{number(median)} ({number(min(values))}–{number(max(values))})"
        lines.append([goal.what, to, shown, verdict(median, goal, goal.must), verdict(median, goal, goal.should)])
    title = "### Goals, over a Unix socket but for the rows that say more\n\n"
    return title + table(["what", "ratio to", "value (min–max)", "goal", "stretch"], lines)


# --- the tables ------------------------------------------------------------------------------------------------------


def number(x):
    if x >= 1e6:
        return f"{x / 1e6:.2f}M"
    if x >= 1e4:
        return f"{x / 1e3:.0f}k"
    if x >= 1e3:
        return f"{x / 1e3:.1f}k"
    return f"{x:.3g}" if x < 100 else f"{x:.0f}"


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def span(rows, key):
    low, high = min(row[key] for row in rows), max(row[key] for row in rows)
    return f"{number(median(rows, key))} ({number(low)}–{number(high)})"


def ratio(rows, references, key):
    """The median over repetitions of value / reference in the same repetition."""
    reference = {row["rep"]: row[key] for row in references if key in row}
    values = [row[key] / reference[row["rep"]] for row in rows if reference.get(row["rep"])]
    return f"{statistics.median(values):.2f}×" if values else "–"


def table(head, lines):
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


UNARY_TITLES = {
    "A": "A. Unary, 1 in flight, client on CPU 0, server on CPU 1",
    "A-same": "A-same. The same, both processes on one CPU",
    "A-free": "A-free. The same, not pinned: both CPUs for both processes",
    "A-paced": "A-paced. Like A, but the client sleeps 1 ms between calls",
    "A-spin": "A-spin. Like A, spinning for a while before sleeping",
    "A-same-spin": "A-same-spin. Like A-same, spinning",
    "A-paced-spin": "A-paced-spin. Like A-paced, spinning",
    "B": "B. Unary, 64 in flight on one connection, client on CPU 0, server on CPU 1",
    "B512": "B512. The same with 512 in flight",
    "T": "T. Over TCP: bare, a WebSocket, TLS, and both; 1 in flight",
    "H": "H. Unary through a third process, 1 in flight; and the same without it",
    "H64": "H64. The same with 64 in flight",
    "H-talk": "H-talk. A message of a conversation and its reply, 1 at a time, from the hub and from a worker",
    "H-talk64": "H-talk64. The same with 64 in flight",
    "O": "O. Commands of an outbox until their result is there, 1 at a time; and how long send() takes",
    "O64": "O64. The same with 64 in flight",
    "H1000": "H1000. 1,000 clients of a hub with a call in flight each",
}
WINDOW_TITLES = {"C": "", "C-w16": ", our window 16", "C-w256": ", our window 256", "C-w1024": ", our window 1024",
                 "T-stream": " over TCP: bare, a WebSocket, TLS, and both"}

Key = namedtuple("Key", "case test item transport peer")


class Groups:
    """The rows by what was measured; a list of them holds the repetitions."""

    def __init__(self, rows):
        self.rows = {}
        for row in rows:
            key = Key(row["case"], row.get("test"), row.get("item", 0), row.get("transport", ""), row["peer"])
            self.rows.setdefault(key, []).append(row)

    def of(self, case, test=None, item=None):
        return [key for key in self.rows if key.case == case and test in (None, key.test) and item in (None, key.item)]

    def beside(self, key, peer):
        """The rows of another peer under the same conditions; shared memory is compared with Unix sockets."""
        transport = "unix" if key.transport == "shm" else key.transport
        return self.rows.get(key._replace(peer=peer, transport=transport), [])

    def asio_beside(self, key):
        """In the cases T that with the same protection."""
        _, _, protection = key.peer.partition("-")
        return self.beside(key, f"asio-{protection}" if key.case.startswith("T") and protection in SECURE else ASIO)


def unary_table(groups, case):
    lines = []
    for key in sorted(groups.of(case), key=lambda k: -median(groups.rows[k], "rate")):
        rows = groups.rows[key]
        lines.append([key.peer, key.transport, span(rows, "p50_us"), span(rows, "p99_us"), span(rows, "p999_us"),
                      span(rows, "rate"), span(rows, "cpu_us"),
                      f"{median(rows, 'cpu_client_us'):.3g}/{median(rows, 'cpu_server_us'):.3g}",
                      f"{median(rows, 'ctxsw'):.3g}"] +
                     [ratio(rows, groups.asio_beside(key), figure) for figure in ("p50_us", "rate", "cpu_us")] +
                     [ratio(rows, groups.beside(key, GRPC), "rate")])
    return table(["peer", "transport", "p50 µs", "p99 µs", "p99.9 µs", "calls/s", "CPU µs/call", "client/server",
                  "ctx sw/call", "p50 ÷ asio", "rate ÷ asio", "CPU ÷ asio", "rate ÷ grpc-cb"], lines)


def stream_table(groups, case, item):
    lines = []
    for key in sorted(groups.of(case, item=item), key=lambda k: -median(groups.rows[k], "rate")):
        rows = groups.rows[key]
        lines.append([key.peer, key.transport, span(rows, "rate"), span(rows, "mb_s"), span(rows, "cpu_us"),
                      f"{median(rows, 'ctxsw'):.3g}"] +
                     [ratio(rows, beside, "rate") for beside in
                      (groups.beside(key, GRPC), groups.asio_beside(key), groups.beside(key, BATCH))] +
                     [ratio(rows, groups.beside(key, BATCH), "cpu_us")])
    return table(["peer", "transport", "items/s", "MB/s", "CPU µs/item", "ctx sw/item", "rate ÷ grpc-cb", "rate ÷ asio",
                  "rate ÷ raw-batch", "CPU ÷ raw-batch"], lines)


def in_process_table(groups, test):
    lines = []
    for key in sorted(groups.of("D", test), key=lambda k: -median(groups.rows[k], "rate")):
        rows = groups.rows[key]
        latency = [span(rows, q) if all(q in row for row in rows) else "–" for q in ("p50_us", "p99_us", "p999_us")]
        lines.append([key.peer, *latency, span(rows, "rate"), span(rows, "cpu_us"), f"{median(rows, 'ctxsw'):.3g}"])
    return table(["peer", "p50 µs", "p99 µs", "p99.9 µs", "per second", "CPU µs each", "ctx sw each"], lines)


def in_process_idle_table(groups):
    lines = []
    for key in groups.of("D", "idle"):
        rows = groups.rows[key]
        lines.append([key.peer, f"{median(rows, 'n'):.0f}", span(rows, "bytes_per_actor"),
                      span(rows, "bytes_per_conversation"), f"{median(rows, 'idle_wakeups'):.0f}"])
    return table(["peer", "of each", "bytes of an actor", "bytes of a conversation", "wake-ups in 1 s"], lines)


def idle_table(groups, case):
    lines = []
    for key in sorted(groups.of(case), key=lambda k: median(groups.rows[k], "server_kib_per_conn")):
        rows = groups.rows[key]
        lines.append([key.peer, key.transport, span(rows, "server_kib_per_conn"), span(rows, "client_kib_per_conn"),
                      f"{median(rows, 'server_rss0_kib') / 1024:.1f}", f"{median(rows, 'server_rss_kib') / 1024:.1f}",
                      f"{median(rows, 'server_threads'):.0f}", f"{median(rows, 'idle_wakeups'):.0f}"])
    return table(["peer", "transport", "server KiB/conn", "client KiB/conn", "server MiB without",
                  "server MiB with them", "server threads", "wake-ups in 0.5 s"], lines)


def death_table(groups):
    lines = []
    for key in sorted(groups.of("H-deaths"), key=lambda k: median(groups.rows[k], "p50_us")):
        rows = groups.rows[key]
        last = span(rows, "last_us") if all("last_us" in row for row in rows) else "–"
        lines.append([key.peer, key.test, span(rows, "p50_us"), last])
    return table(["peer", "what", "first to know, µs", "last to know, µs"], lines)


def flood_table(groups):
    lines = []
    for key in groups.of("H-flood"):
        rows = groups.rows[key]
        figures = ("p50_us", "p99_us", "max_us", "cpu_p99_us", "same_p50_us", "same_p99_us", "turn_p99_us",
                   "turn_max_us")
        floods = [f"{number(median(rows, f'share_{i}') * 100)} % of {number(median(rows, f'alone_{i}'))}"
                  for i in range(2) if all(f"alone_{i}" in row for row in rows)]
        lines.append([key.peer, ", ".join(floods) or "–", *(span(rows, figure) for figure in figures)])
    return table(["peer", "flood, a second", "p50 µs", "p99 µs", "max µs", "CPU p99 µs", "flooded worker p50 µs",
                  "flooded worker p99 µs", "turn p99 µs", "turn max µs"], lines)


def program_table(groups):
    lines = [[key.peer, span(groups.rows[key], "p50_us")] for key in groups.of("H-program")]
    return table(["program", "from start to exit, µs"], lines)


def conditions(rows):
    """How disturbed the run was."""
    dirty = [row for row in rows if row.get("noise", 0) > 1 and row.get("test") not in ("crash", "idle")]
    loops = [row["cal_cpu_ns"] for row in rows if "cal_cpu_ns" in row]
    text = (f"{len(rows)} runs; {len(dirty)} of them stayed above the limit of noise after four attempts "
            "(other programs on the CPUs, or a slow moment of the host).")
    if loops:
        middle = statistics.median(loops)
        text += f" Calibration loop {min(loops):.3f}–{max(loops):.3f} ns a step, median {middle:.3f}."
    return text + "\n"


def tables(rows):
    groups = Groups(rows)
    parts = []
    for case, title in UNARY_TITLES.items():
        if groups.of(case):
            parts.append(f"### {title}\n\n" + unary_table(groups, case))
    for case, suffix in WINDOW_TITLES.items():
        for item in sorted({key.item for key in groups.of(case)}):
            title = f"{case}. One-way stream, items of {item} B{suffix}"
            parts.append(f"### {title}\n\n" + stream_table(groups, case, item))
    for test in ("roundtrip", "throughput", "monitor", "link", "crash"):
        if groups.of("D", test):
            parts.append(f"### D. In process: {test}\n\n" + in_process_table(groups, test))
    if groups.of("D", "idle"):
        parts.append("### D. In process: idle\n\n" + in_process_idle_table(groups))
    if groups.of("E"):
        parts.append("### E. 1000 idle connections, each used once\n\n" + idle_table(groups, "E"))
    if groups.of("H-idle"):
        parts.append("### H-idle. 10,000 idle sessions with a hub\n\n" + idle_table(groups, "H-idle"))
    if groups.of("H-flood"):
        parts.append("### H-flood. What a flooded hub keeps others waiting for, inside of it\n\n" + flood_table(groups))
    if groups.of("H-deaths"):
        parts.append("### H-deaths. From SIGKILL to who learns of it\n\n" + death_table(groups))
    if groups.of("H-program"):
        parts.append("### H-program. A program from start to exit\n\n" + program_table(groups))
    parts.append(conditions(rows))
    return "\n".join(parts)
