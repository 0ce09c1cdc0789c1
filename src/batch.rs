//! A script in, text out: `-batch` and the plain prompt.
