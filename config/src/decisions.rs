//! The decision table: operation by level, as one data file.
