//! Who is asked for a verdict: one file per provider, one `complete(request) -> reply`.
