"""How long what Pellucid does takes: a module for each kind of work, one way to time them all."""
