//! Ctrl-C once: nothing new starts, what runs is stopped, everything is kept. Twice: stop now.

use super::{exit, say};
use crate::process::Cancel;

/// Waits for signals until the run is over.
pub async fn watch(cancel: Cancel) {
    if interrupted().await {
        say::note("stopping: running trials end now and start again with `evalrun resume`; once more to stop at once");
        cancel.cancel();
    }
    if interrupted().await {
        say::note("stopped; go on with `evalrun resume`");
        std::process::exit(exit::INTERRUPTED);
    }
}

async fn interrupted() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return tokio::signal::ctrl_c().await.is_ok() };
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard.is_ok(),
        heard = terminate.recv() => heard.is_some(),
    }
}
