//! A pattern, JSON or YAML, and behind a line of `---` an event for it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    oncue_fuzz::targets::pattern_and_event(bytes);
});
