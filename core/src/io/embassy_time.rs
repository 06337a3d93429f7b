//! The clock of embassy.

use crate::time::{Clock, Instant, Timer};

/// The time of `embassy-time`: that of the driver which the program links, mostly its HAL's.
///
/// ```no_run
/// use respool::embassy::EmbassyClock;
/// use respool::time::{Clock, Duration, Timer};
///
/// # async fn wait() {
/// let soon = EmbassyClock.now().after(Duration::from_millis(20));
/// EmbassyClock.sleep_until(soon).await;
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassyClock;

impl Clock for EmbassyClock {
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }
}

impl Timer for EmbassyClock {
    async fn sleep_until(&self, at: Instant) {
        // One more millisecond, since the present one has begun. A moment that has no tick is so
        // far away that it never comes.
        let at = at.as_millis().saturating_add(1);
        match embassy_time::Instant::try_from_millis(at) {
            Some(at) => embassy_time::Timer::at(at).await,
            None => core::future::pending().await,
        }
    }
}
