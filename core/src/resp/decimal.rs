//! Whole numbers as decimal digits, in little code: 64 bits are divided without the machine's, or
//! a library's, division of 64 bits.

/// The digits of a number, with a sign where it is negative.
pub(crate) struct Decimal {
    text: [u8; LONGEST],
    start: usize,
}

/// Bytes of the longest number, `-9223372036854775808` or `18446744073709551615`.
const LONGEST: usize = 20;

impl Decimal {
    pub(crate) fn new(number: i64) -> Self {
        let mut decimal = Self::unsigned(number.unsigned_abs());
        if number < 0 {
            decimal.prepend(b'-');
        }
        decimal
    }

    #[inline(never)]
    pub(crate) fn unsigned(bits: u64) -> Self {
        let mut decimal = Self {
            text: [0; LONGEST],
            start: LONGEST,
        };
        let mut limbs = [48, 32, 16, 0].map(|shift| (bits >> shift) as u16);
        for _ in 0..LONGEST {
            // Long division by ten: the remainder of one limb stands before the next.
            let mut rest = 0u32;
            for limb in limbs.iter_mut().skip_while(|limb| **limb == 0) {
                let part = rest << 16 | u32::from(*limb);
                *limb = (part / 10) as u16;
                rest = part % 10;
            }
            decimal.prepend(b'0' | rest as u8);
            if limbs == [0; 4] {
                break;
            }
        }
        decimal
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }

    fn prepend(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.text.get_mut(self.start) {
            *place = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn every_length_and_sign_is_right() {
        let mut number = 0i64;
        for digit in (0..=9).cycle().take(19) {
            for number in [number, -number, number + 1, number - 1] {
                let decimal = Decimal::new(number);
                assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
            }
            number = number.wrapping_mul(10).wrapping_add(digit);
        }
        for number in [
            i64::MIN,
            i64::MAX,
            65_535,
            65_536,
            -65_537,
            4_294_967_295,
            4_294_967_296,
            281_474_976_710_656,
        ] {
            let decimal = Decimal::new(number);
            assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
        }
        let longest = Decimal::unsigned(u64::MAX);
        assert_eq!(longest.as_bytes(), u64::MAX.to_string().as_bytes());
    }
}
