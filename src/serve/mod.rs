//! The scripted model: a real agent is driven by a script in place of a model.
