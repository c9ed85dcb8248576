//! Reproducible randomness: streams of numbers that depend on a seed and a purpose alone.

/// A stream of numbers (`SplitMix64`). Streams of different purposes are independent, so that drawing from one does not
/// change what another gives.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a seed for a purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let start = purpose.bytes().fold(seed, |state, byte| mix(state ^ u64::from(byte)));
        Self { state: start }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Whether something of this probability (0 to 1) happens now.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        // 53 bits are what a double holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "both numbers are below 2^53")]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }

    /// Thirty-two hexadecimal digits.
    pub(crate) fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A text of the form of a UUID version 4.
    pub(crate) fn request_id(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let bytes = u128::from(high) << 64 | u128::from(low);
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }

    /// Nineteen digits, the first of them a 5: the form of a `FileId` (protocol section 1).
    pub(crate) fn file_id(&mut self) -> String {
        (5_000_000_000_000_000_000 + self.next() % 1_000_000_000_000_000_000).to_string()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_stream() {
        let draw = |seed, purpose| {
            let mut stream = Stream::new(seed, purpose);
            (stream.hex32(), stream.file_id(), stream.request_id())
        };
        assert_eq!(draw(7, "tasks"), draw(7, "tasks"));
        assert_ne!(draw(7, "tasks"), draw(8, "tasks"));
        assert_ne!(draw(7, "tasks"), draw(7, "files"));
    }

    #[test]
    fn ids_have_the_form_of_the_vendors() {
        let mut stream = Stream::new(1, "ids");
        assert_eq!(stream.hex32().len(), 32);
        let file = stream.file_id();
        assert!(file.len() == 19 && file.starts_with('5'), "{file}");
    }

    #[test]
    fn a_probability_is_met_about_as_often_as_it_says() {
        let mut stream = Stream::new(3, "dice");
        let often = (0..10_000).filter(|_| stream.happens(0.25)).count();
        assert!((2_300..2_700).contains(&often), "{often}");
        assert!(!stream.happens(0.0));
        assert!(stream.happens(1.0));
    }
}
