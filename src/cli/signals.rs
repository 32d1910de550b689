//! Ctrl-C once: nothing new starts, what runs is stopped, everything is kept. Twice: stop now.

use super::{exit, say};
use crate::process::Cancel;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for signals until the run is over. Listens from the first moment to the last: a second Ctrl-C right after the first counts.
pub async fn watch(cancel: Cancel) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return say::note("signals cannot be heard here: Ctrl-C ends evalrun at once, and `evalrun resume` goes on");
    };
    either(&mut interrupt, &mut terminate).await;
    say::note("stopping: running trials end now and start again with `evalrun resume`; once more to stop at once");
    cancel.cancel();
    either(&mut interrupt, &mut terminate).await;
    say::note("stopped; go on with `evalrun resume`");
    std::process::exit(exit::INTERRUPTED);
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
