//! Whole histories, from their files to what is shown.
