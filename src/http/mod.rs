//! HTTP/1.1 on this machine: a client for model servers, a server for the scripted model.
