//! Makes what tests in a guest find in their cache, since nothing can be built
//! there, and says where in the cache it is, a line for each.
#![allow(
    clippy::print_stdout,
    reason = "it is run by cargo xtask, which reads this"
)]

use veld_tests::Template;

fn main() {
    for path in veld_tests::prepare(&[Template::Busybox, Template::NoInit, Template::Debian]) {
        println!("{}", path.display());
    }
}
