"""What instances in the cases of `cargo xtask compat` are instances of. Runs on any Python since 2.7."""


class Record(object):
    """Instances with a state, and equal to none but themselves."""
