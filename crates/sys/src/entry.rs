//! The entry of a small static program, without the start-up work of std.

/// Makes `$run`, a `fn() -> u8`, what the program does; its value is the exit
/// status. The program says `#![no_main]`.
///
/// What std does before a `main` of its own is not done: an alternate stack and
/// handlers to word a stack overflow, for which it reads /proc/self/maps and
/// with that links a scanner and a third of a float library (127 kB of a static
/// program), SIGPIPE ignored, and descriptors 0 to 2 opened where they are
/// closed. Arguments and environment are there as usual: with glibc std takes
/// them from an initializer.
///
/// # Safety
///
/// The expansion defines the C function `main`. The C library calls it once, and
/// the linker refuses a second one.
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(
            _count: ::std::ffi::c_int,
            _arguments: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            let run: fn() -> u8 = $run;
            ::std::ffi::c_int::from(run())
        }
    };
}
