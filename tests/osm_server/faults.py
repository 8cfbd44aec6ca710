"""What a test tells the server to do with a request: hold it before or after it took effect, or answer otherwise."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field


@dataclass
class Rule:
    """For the `nth` request that matches, once.

    Attributes:
        when: `before` it takes effect, `after` it did, or `answer` in place of it.
        then: of `before`, once released: `drop` it, or `apply` it late. After `after` nothing is answered.
    """

    method: str
    path: str
    when: str
    then: str = "drop"
    nth: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    times: int = 1
    released: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Faults:
    """Rules in the order they were given."""

    def __init__(self) -> None:
        self.rules: dict[int, Rule] = {}
        self.live: list[int] = []
        self.lock = threading.Lock()

    def add(self, rule: Rule) -> int:
        with self.lock:
            number = len(self.rules) + 1
            self.rules[number] = rule
            self.live.append(number)
        return number

    def rule_for(self, method: str, path: str) -> Rule | None:
        """The rule that this request meets; it is used up then."""
        with self.lock:
            for number in self.live:
                rule = self.rules[number]
                if rule.method != method or not re.search(rule.path, path):
                    continue
                rule.nth -= 1
                if rule.nth > 0:
                    continue
                rule.times -= 1
                if rule.times <= 0:
                    self.live.remove(number)
                return rule
        return None
