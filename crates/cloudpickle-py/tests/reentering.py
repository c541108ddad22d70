"""Has code run while a class is tracked, which pickles another class: from a metaclass's `__hash__`, and where a new id is made.

    reentering.py [upstream]

The lock of upstream's tracker is one that a thread can take once.
"""

import sys
import uuid

if "upstream" in sys.argv:
    import cloudpickle  # noqa: F401

import cloudpickle_rs

inside = []


def pickle_another():
    if not inside:
        inside.append(True)
        another = type("Another", (), {"__module__": "__main__"})
        copy = cloudpickle_rs.loads(cloudpickle_rs.dumps(another))
        assert copy is another
        inside.pop()


class Hashes(type):
    def __hash__(cls):
        pickle_another()
        return 1


def main():
    real = uuid.uuid4

    def uuid4():
        pickle_another()
        return real()

    uuid.uuid4 = uuid4
    made = Hashes("Made", (), {"__module__": "__main__"})
    for _ in range(2):
        assert cloudpickle_rs.loads(cloudpickle_rs.dumps(made)) is made
    print("done")


if __name__ == "__main__":
    main()
