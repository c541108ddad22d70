"""Generator functions, coroutine functions and what they hold."""

import asyncio
import contextlib
import functools

from zoo import case, finish

STEP = 2


def steps(n):
    for i in range(n):
        got = yield i * STEP
        if got:
            return got


def delegating(n):
    result = yield from steps(n)
    return result


def cleaning(log):
    try:
        yield 1
        yield 2
    finally:
        log.append("closed")


async def awaiting(x):
    await asyncio.sleep(0)
    return x * STEP


async def gathering(n):
    return await asyncio.gather(*(awaiting(i) for i in range(n)))


async def ticking(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i + STEP


async def comprehending(n):
    return [i async for i in ticking(n) if i % 2 == 0]


async def entering(manager):
    async with manager as value:
        return value


@contextlib.contextmanager
def managed(log):
    log.append("in")
    yield "value"
    log.append("out")


class Manager:
    async def __aenter__(self):
        return "entered"

    async def __aexit__(self, *exc_info):
        return False


def closed_over(k):
    async def inner(x):
        return await awaiting(x) + k

    def generate():
        yield from range(k)

    return inner, generate


case("steps", steps, "list(copy(3)) == [0, 2, 4]", "inspect.isgeneratorfunction(copy)")
case("delegating", delegating, "list(copy(2)) == [0, 2]")
case("cleaning", cleaning, "(log := []) == [] and next(g := copy(log)) == 1 and g.close() is None and log == ['closed']")
case("awaiting", awaiting, "run(copy(4)) == 8", "inspect.iscoroutinefunction(copy)")
case("gathering", gathering, "run(copy(3)) == [0, 2, 4]")
case("ticking", ticking, "run(collect(copy(2))) == [2, 3]", "inspect.isasyncgenfunction(copy)")
case("comprehending", comprehending, "run(copy(4)) == [2, 4]")
case("entering", (entering, Manager), "run(copy[0](copy[1]())) == 'entered'")
case("managed", managed, "(log := []) == [] and copy(log).__enter__() == 'value' and log == ['in']")
case("closed_over", closed_over(3), "run(copy[0](1)) == 5", "list(copy[1]()) == [0, 1, 2]", shares=True)
case("partial of a coroutine function", functools.partial(awaiting, 5), "run(copy()) == 10")
finish()
