//! How the program is told to stop.

/// How the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGINT: whoever sits in front of it wants it to end at once.
    Interrupt,
    /// SIGTERM: clients are sent away in order first.
    Terminate,
}

/// Signals are kept from the start on, so that none is missed between two waits.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
        #[cfg(not(unix))]
        {
            // Without a way to hear of it the program is ended by its window.
            let _ = tokio::signal::ctrl_c().await;
            Signal::Interrupt
        }
    }
}
