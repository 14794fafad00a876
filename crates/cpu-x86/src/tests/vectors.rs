//! Lines of expected state.
