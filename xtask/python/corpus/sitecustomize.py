"""Python imports this before all else, where `cargo xtask corpus` puts this folder on its path: the ids that cloudpickle gives to
classes come from `uuid4`, which is to say the same in every run."""

try:
    import random
    import uuid

    chance = random.Random(0)
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
except ImportError:  # an interpreter whose standard library is not whole
    pass
