//! What a judge is asked and how its reply is read: pure, from evidence to prompt and from reply to verdict.
