//! The written page: exports and explanations.
