//! veld-init as PID 1 of real namespaces. Needs root and a static BusyBox;
//! without them every test says so and passes.

mod command;
mod hand_over;
mod levels;
mod stop;
mod supervise;
mod ve;

/// Ends a test that this machine cannot run, with the reason.
macro_rules! skip_unless_possible {
    () => {
        if let Some(reason) = $crate::ve::missing() {
            eprintln!("skipped: {reason}");
            return;
        }
    };
}
pub(crate) use skip_unless_possible;
