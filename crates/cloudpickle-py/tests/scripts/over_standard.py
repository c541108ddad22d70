"""Objects of the standard library that hold what `__main__` defines, and classes that `__main__` derives from its classes."""

import argparse
import ast
import asyncio
import configparser
import contextlib
import enum
import html.parser
import ipaddress
import json
import os
import queue
import string
import threading
import time
import types
import xml.etree.ElementTree
from zoo import case, finish


class Titles(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.tag = tag


class Work(threading.Thread):
    def run(self):
        self.done = [tag for tag in ("a", "b")]


class Loose(json.JSONEncoder):
    def default(self, o):
        return type(o).__name__


class Percent(string.Template):
    delimiter = "%"


class Urgent(queue.PriorityQueue):
    def most(self):
        return self.queue[0]


class Upper(configparser.ConfigParser):
    def optionxform(self, optionstr):
        return optionstr.upper()


class Counting(ast.NodeVisitor):
    def __init__(self):
        self.names = []

    def visit_Name(self, node):
        self.names.append(node.id)


class Plan(enum.Enum):
    _ignore_ = ["number"]
    FIRST = 1
    SECOND = 2

    @classmethod
    def _missing_(cls, value):
        return cls.FIRST


class Column:
    """Generic by hand, without `typing`."""

    def __class_getitem__(cls, item):
        return cls.__name__, item


class Holder:
    """Its attribute refers back to it by closures' cells."""

    def __init__(self):
        self.calls = [lambda: self, lambda n=1: n]


@contextlib.asynccontextmanager
async def opened(log):
    log.append("in")
    yield log
    log.append("out")


async def in_order():
    log = []
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(opened(log))
        await asyncio.sleep(0)
    return log


@types.coroutine
def by_hand(n):
    yield n
    return n + 1


def parser_of_numbers():
    parser = argparse.ArgumentParser(prog="numbers")
    parser.add_argument("--number", type=lambda text: int(text) * 2, default=1)
    return parser


def settings():
    upper = Upper()
    upper.read_dict({"section": {"key": "value"}})
    return upper


def imports_when_called():
    import xml.dom.minidom

    return xml.dom.minidom.parseString("<root/>").documentElement.tagName


def tag_of(text):
    return xml.etree.ElementTree.fromstring(text).tag


odd_names = {"__name__": 5, "value": 7}
exec("def odd(): return value", odd_names)
no_name = {"value": 8}
exec("def nameless(): return value", no_name)
extended = {f"name{index}": index for index in range(300)}
exec(f"def of_many(): return {' + '.join(extended)}", extended)

case("HTMLParser", Titles, "(it := copy(), it.feed('<p>'), it.tag)[-1] == 'p'")
case("Thread", Work, "(it := copy(), it.start(), it.join(), it.done)[-1] == ['a', 'b']")
case("JSONEncoder", Loose, "__import__('json').dumps([1, 2j], cls=copy) == '[1, \"complex\"]'")
case("Template", Percent("%name"), "copy.substitute(name=3) == '3'")
case("PriorityQueue", Urgent, "(it := copy(), it.put(3), it.put(1), it.most())[-1] == 1")
case("ConfigParser", settings(), "copy['section']['KEY'] == 'value'")
case("NodeVisitor", [Counting(), ast.parse("x = y + f(z)")], "(copy[0].visit(copy[1]), copy[0].names)[1] == ['x', 'y', 'f', 'z']")
case("ArgumentParser", parser_of_numbers(), "copy.parse_args(['--number', '4']).number == 8")
case("ignored names", [Plan, Plan.SECOND], "copy[0](99) is copy[0].FIRST and copy[1] is copy[0](2)")
case("__class_getitem__", Column, "copy[3] == ('Column', 3)")
case("closures that hold their holder", Holder(), "copy.calls[0]() is copy and copy.calls[1]() == 1")
case("asynchronous contexts", in_order, "run(copy()) == ['in', 'out']")
case("a coroutine made by hand", by_hand, "list(copy(3)) == [3] and copy.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE")
case("an import inside", imports_when_called, "copy() == 'root'")
case("a module three deep", tag_of, "copy('<a/>') == 'a'")
case("globals whose name is a number", odd_names["odd"], "copy() == 7")
case("globals without a name", no_name["nameless"], "copy() == 8")
case("hundreds of globals", extended["of_many"], "copy() == sum(range(300))")
case("a named tuple of the system", [os.stat_result(range(10)), time.gmtime(0)], "copy[0].st_size == 6 and copy[1].tm_year == 1970")
case("addresses", ipaddress.ip_network("10.0.0.0/8"), "copy.num_addresses == 2 ** 24")
finish()
