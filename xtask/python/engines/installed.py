"""A plugin for pytest: what runs under it has this implementation behind cloudpickle."""

import cloudpickle_rs

cloudpickle_rs.install()
