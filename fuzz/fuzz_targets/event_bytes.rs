//! Any bytes as an event, to fixed rules.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    oncue_fuzz::targets::event_bytes(bytes);
});
