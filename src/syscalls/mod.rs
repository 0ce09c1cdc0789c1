//! System calls by name and in words.
