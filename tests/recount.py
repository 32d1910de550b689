"""Metrics counted a second time, from docs/metrics.md and not from the Rust code, with nothing but the standard library.

    python3 tests/recount.py TRACE...      prints {trace: {metric: number | "undefined" | "unknown"}}

A trace is a sealed trace.jsonl: a header line, then one event a line. Where this script and evalrun differ, one of the two, or the document that
both were written from, is wrong.
"""

import json
import sys
from itertools import combinations

UNDEFINED, UNKNOWN = "undefined", "unknown"


class Call:
    def __init__(self, event):
        self.id, self.turn, self.lane, self.at = event["id"], event["turn"], event.get("by", ""), event.get("at")
        self.key = (event["body"]["name"], json.dumps(event["body"]["input"], sort_keys=True))
        self.result = None

    def answered_by(self, event):
        self.result = event

    def ran_ms(self):
        """As told, else from call to result."""
        if self.result is None:
            return None
        told = self.result["body"].get("duration_ms")
        if told is not None:
            return told
        until = self.result.get("at")
        return None if self.at is None or until is None or until < self.at else until - self.at

    def status(self):
        return "unknown" if self.result is None else self.result["body"]["status"]

    def exit(self):
        return None if self.result is None else self.result["body"].get("exit")


class Session:
    def __init__(self, path):
        with open(path, encoding="utf-8", newline="\n") as lines:
            self.header, *events = [json.loads(line) for line in lines if line.strip()]
        self.events = [event for event in events if not event.get("superseded")]
        self.calls = self.joined()
        self.root_calls = [call for call in self.calls if call.lane == ""]
        self.messages = [event for event in self.of("agent_message") if words_of(event)]
        self.plans = [(event["id"], steps(event)) for event in self.of("plan")]
        self.usage = [event["body"] for event in self.events if event["kind"] == "usage"]
        # A preamble is a message that a tool call follows in its turn.
        self.preambles = [said for said in self.messages if any(
            call.turn == said["turn"] and call.id > said["id"] for call in self.root_calls)]

    def of(self, kind):
        """Events of the root agent."""
        return [event for event in self.events if event["kind"] == kind and event.get("by", "") == ""]

    def joined(self):
        calls, waiting = [], {}
        for event in self.events:
            if event["kind"] == "tool_call":
                calls.append(Call(event))
                waiting.setdefault(event.get("by", ""), []).append(calls[-1])
            elif event["kind"] == "tool_result":
                mine, wanted = waiting.setdefault(event.get("by", ""), []), event["body"].get("call")
                found = [call for call in (mine[:1] if wanted is None else calls) if wanted is None or call.id == wanted]
                for call in found:
                    call.answered_by(event)
                    if call in mine:
                        mine.remove(call)
        return calls

    def told(self, what):
        return self.header["tells"].get(what, False)


def text_of(event):
    text = event["body"]["text"]
    return text if isinstance(text, str) else text["text"]


def words_of(event):
    return text_of(event).split()


def steps(event):
    return [(step["text"], step["status"]) for step in event["body"]["steps"]]


def tokens(field):
    return lambda session: sum(usage.get(field, 0) for usage in session.usage) if session.usage else UNKNOWN


def cost_usd(session):
    # A cost that is stated for a turn holds for all its responses.
    told = [event for event in session.events if event["kind"] == "usage" and event["body"].get("micro_usd") is not None]
    turns = {event["turn"] for event in told if event["body"]["scope"] == "turn"}
    untold = [event for event in session.events if event["kind"] == "usage" and event not in told and event["turn"] not in turns]
    return UNKNOWN if untold or not told else sum(event["body"]["micro_usd"] for event in told) / 1e6


def wall_s(session):
    if not session.told("times"):
        return UNKNOWN
    times = [event["at"] for event in session.events if event.get("at") is not None]
    return (max(times) - min(times)) / 1000 if len(times) > 1 else UNDEFINED


def tool_s(session):
    if not session.calls:
        return UNDEFINED
    times = [call.ran_ms() for call in session.calls if call.ran_ms() is not None]
    return sum(times) / 1000 if times else UNKNOWN


def tool_error_rate(session):
    if not session.calls:
        return UNDEFINED
    told = [call for call in session.calls if call.status() != "unknown" or call.exit() is not None]
    if not told:
        return UNKNOWN
    return sum(call.status() == "failed" or call.exit() not in (None, 0) for call in told) / len(told)


def longest_loop(session):
    if not session.calls:
        return UNDEFINED
    lanes = {}
    for call in session.calls:
        lanes.setdefault(call.lane, []).append(call.key)
    return max(longest_cycle(keys) for keys in lanes.values())


def longest_cycle(keys):
    most = 1
    for size in range(1, 5):
        for start in range(len(keys)):
            cycle, times = keys[start:start + size], 1
            while len(cycle) == size and keys[start + times * size:start + (times + 1) * size] == cycle:
                times += 1
            most = max(most, times)
    return most


def longest_silence_calls(session):
    if not session.calls:
        return UNDEFINED
    longest = 0
    for turn in {call.turn for call in session.root_calls}:
        calls = [call.id for call in session.root_calls if call.turn == turn]
        edges = [-1] + [said["id"] for said in session.messages if said["turn"] == turn] + [float("inf")]
        for before, after in zip(edges, edges[1:]):
            longest = max(longest, sum(before < call < after for call in calls))
    return longest


def longest_silence_s(session):
    if not session.told("times"):
        return UNKNOWN
    moments = sorted(session.messages + [event for event in session.events if event["kind"] == "user_message"],
                     key=lambda event: event["id"])
    gaps = []
    for before, after in zip(moments, moments[1:]):
        if before["turn"] == after["turn"] and None not in (before.get("at"), after.get("at")):
            ran = sum(call.ran_ms() or 0 for call in session.root_calls if before["id"] < call.id < after["id"])
            gaps.append(max(0, after["at"] - before["at"] - ran) / 1000)
    return max(gaps) if gaps else UNDEFINED


def preamble_words(session):
    lengths = sorted(len(words_of(said)) for said in session.preambles)
    if not lengths:
        return UNDEFINED
    return (lengths[(len(lengths) - 1) // 2] + lengths[len(lengths) // 2]) / 2


def preamble_share(session):
    if not session.usage:
        return UNKNOWN
    spent = tokens("output")(session)
    said = sum(-(-len(text_of(said).encode()) // 4) for said in session.preambles)
    return said / spent if spent else UNDEFINED


def preamble_repetition(session):
    def grams(text):
        parts = "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()
        return set(zip(parts, parts[1:], parts[2:]))

    sets = [found for found in (grams(text_of(said)) for said in session.preambles) if found]
    alike = [len(one & two) / len(one | two) for one, two in zip(sets, sets[1:])]
    return sum(alike) / len(alike) if alike else UNDEFINED


def final_message_words(session):
    if not session.messages and not session.root_calls:
        return UNDEFINED
    done = max((call.result["id"] if call.result else call.id for call in session.root_calls[-1:]), default=-1)
    last = session.messages[-1] if session.messages else None
    return len(words_of(last)) if last and last["id"] > done else 0


def of_plans(count):
    def measure(session):
        if session.plans:
            return count([found for _, found in session.plans])
        return UNDEFINED if session.told("plans") else UNKNOWN
    return measure


def plan_updates(plans):
    return sum(before != after for before, after in zip(plans, plans[1:]))


def plan_closure(plans):
    last = plans[-1]
    return sum(status == "completed" for _, status in last) / len(last) if last else UNDEFINED


def plan_single_focus(plans):
    return sum(sum(status == "in_progress" for _, status in plan) <= 1 for plan in plans) / len(plans)


def plan_churn(plans):
    texts = [{text for text, _ in plan} for plan in plans]
    return sum(len(a ^ b) for a, b in zip(texts, texts[1:])) / len(plans[0]) if plans[0] else UNDEFINED


def plan_order(plans):
    """Kendall's tau-b: (concordant - discordant) / sqrt((pairs - ties in one) (pairs - ties in the other))."""
    done = {}
    for at, plan in enumerate(plans):
        for text, status in plan:
            if status == "completed":
                done.setdefault(text, at)
    order = [(place, done[text]) for place, (text, _) in enumerate(plans[0][:500]) if text in done]
    signs = [(x[0] < y[0]) - (x[0] > y[0]) for x, y in combinations(order, 2)]
    other = [(x[1] < y[1]) - (x[1] > y[1]) for x, y in combinations(order, 2)]
    untied = sum(sign != 0 for sign in signs) * sum(sign != 0 for sign in other)
    return sum(a * b for a, b in zip(signs, other)) / untied ** 0.5 if untied else UNDEFINED


METRICS = {
    "tokens_in": tokens("input"),
    "tokens_cached": tokens("cached"),
    "tokens_out": tokens("output"),
    "cost_usd": cost_usd,
    "wall_s": wall_s,
    "tool_s": tool_s,
    "tool_calls": lambda session: len(session.calls),
    "tool_error_rate": tool_error_rate,
    "longest_loop": longest_loop,
    "longest_silence_calls": longest_silence_calls,
    "longest_silence_s": longest_silence_s,
    "preamble_words": preamble_words,
    "preamble_share": preamble_share,
    "preamble_repetition": preamble_repetition,
    "final_message_words": final_message_words,
    "plan_updates": of_plans(plan_updates),
    "plan_closure": of_plans(plan_closure),
    "plan_single_focus": of_plans(plan_single_focus),
    "plan_churn": of_plans(plan_churn),
    "plan_order": of_plans(plan_order),
    "compactions": lambda session: len(session.of("compaction")),
}

if __name__ == "__main__":
    counted = {path: {name: of(session) for name, of in METRICS.items()}
               for path in sys.argv[1:] for session in [Session(path)]}
    json.dump(counted, sys.stdout)
