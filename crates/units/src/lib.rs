//! Sizes, CPU shares and durations as administrators write them.
