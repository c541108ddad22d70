"""Descriptors, and classes whose attributes are objects with state."""

import functools
import weakref

from zoo import case, finish


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError("must be positive")
        setattr(instance, self.name, value)


class NonData:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner=None):
        return self.function(instance, owner)


class Account:
    balance = Positive()
    limit = Positive()

    def __init__(self, balance, limit=100):
        self.balance, self.limit = balance, limit

    whoami = NonData(lambda self, owner: owner.__name__)


class Registry:
    instances = weakref.WeakSet()
    by_name = {}

    def __init__(self, name):
        self.name = name
        Registry.instances.add(self)
        Registry.by_name[name] = self


class Overloaded:
    @functools.singledispatchmethod
    def show(self, x):
        return f"any {x}"

    @functools.partial
    def not_a_method():
        return "partial"

    items = [lambda: 1, len, int]
    doubled = map


class Attributes:
    def __getattribute__(self, name):
        if name == "virtual":
            return "made up"
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, ("set", value))

    def __dir__(self):
        return ["virtual"]


keeper = Registry("first")
account = Account(5)
attributes = Attributes()
attributes.x = 1
case(
    "Account",
    Account,
    "copy(3).balance == 3",
    "raises(ValueError, copy, -1)",
    "copy(1).whoami == 'Account'",
    "copy.balance.name == '_balance'",
    "type(copy.balance) is type(copy.limit)",
)
case(
    "an Account",
    account,
    "copy.balance == 5 and copy.limit == 100",
    "raises(ValueError, setattr, copy, 'balance', 0)",
    "vars(copy) == {'_balance': 5, '_limit': 100}",
)
case("Positive", Positive, "copy.__set_name__.__name__ == '__set_name__'")
case(
    "Registry",
    Registry,
    "copy.by_name['first'].name == 'first'",
    "type(copy.by_name['first']) is copy",
    "list(copy.instances) == [copy.by_name['first']]",
)
case("an Attributes", attributes, "copy.virtual == 'made up'", "copy.x == ('set', 1)", "dir(copy) == ['virtual']")
case("a property", Account.__dict__["whoami"], "copy.function(None, int) == 'int'")
finish()
