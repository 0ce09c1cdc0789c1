//! Floating point as x86-64 stores it and as C's `%g` writes it.
//!
//! gdb prints as many digits as it takes to read the same number again: 9, 17 and 21. The x87 format has more
//! bits than any type of Rust, so its decimal digits are computed exactly, with integers.

use std::cmp::Ordering;

/// The first eight bytes as a number.
pub(crate) fn little(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    word[..len].copy_from_slice(&bytes[..len]);
    u64::from_le_bytes(word)
}

/// A float of 4, 8 or (x87) 10 to 16 bytes; the last loses precision.
pub(crate) fn float_of(bytes: &[u8]) -> f64 {
    match bytes.len() {
        4 => f32::from_bits(little(bytes) as u32).into(),
        8 => f64::from_bits(little(bytes)),
        10.. => {
            let x87 = X87::read(bytes);
            let sign = if x87.negative { -1.0 } else { 1.0 };
            match x87.exponent {
                0x7fff if x87.mantissa << 1 == 0 => sign * f64::INFINITY,
                0x7fff => f64::NAN,
                // Two steps, because 2^(e-63) alone may be below what f64 holds.
                _ => {
                    let power = x87.power();
                    sign * (x87.mantissa as f64) * 2f64.powi(power / 2) * 2f64.powi(power - power / 2)
                }
            }
        }
        _ => 0.0,
    }
}

/// `value` as an x87 number in its 16 bytes of memory.
pub(crate) fn x87_bytes(value: f64) -> [u8; 16] {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as u16, bits << 12 >> 12);
    let (top, mantissa) = match exponent {
        0 if fraction == 0 => (0, 0),
        0 => {
            let shift = fraction.leading_zeros();
            (16383 - 1022 + 11 - shift as u16, fraction << shift)
        }
        0x7ff => (0x7fff, 1 << 63 | fraction << 11),
        _ => (exponent + 16383 - 1023, 1 << 63 | fraction << 11),
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mantissa.to_le_bytes());
    bytes[8..10].copy_from_slice(&(top | ((bits >> 63) as u16) << 15).to_le_bytes());
    bytes
}

/// The float in these bytes as gdb prints it.
pub(crate) fn float_text(bytes: &[u8]) -> String {
    match bytes.len() {
        4 => {
            let bits = little(bytes) as u32;
            let value = f32::from_bits(bits);
            if value.is_finite() {
                return general(f64::from(value), 9);
            }
            special(value.is_sign_negative(), value.is_infinite(), u64::from(bits & 0x007f_ffff))
        }
        8 => {
            let bits = little(bytes);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                return general(value, 17);
            }
            special(value.is_sign_negative(), value.is_infinite(), bits & 0x000f_ffff_ffff_ffff)
        }
        10.. => {
            let x87 = X87::read(bytes);
            if x87.exponent == 0x7fff {
                return special(x87.negative, x87.mantissa << 1 == 0, x87.mantissa);
            }
            let (digits, point) = decimal(x87.mantissa, x87.power());
            layout(x87.negative, &digits, point, 21)
        }
        _ => "<invalid float value>".to_owned(),
    }
}

/// A float of two bytes: IEEE's, or the upper half of one of four bytes.
pub(crate) fn short_float_text(bytes: &[u8], upper_half: bool) -> String {
    let bits = little(bytes) as u16;
    if upper_half {
        let value = f32::from_bits(u32::from(bits) << 16);
        let fraction = bits & 0x7f;
        return if value.is_finite() {
            general(value.into(), 4)
        } else {
            special(value.is_sign_negative(), value.is_infinite(), fraction.into())
        };
    }
    let (negative, exponent, fraction) = (bits >> 15 == 1, i32::from(bits >> 10 & 0x1f), bits & 0x3ff);
    if exponent == 0x1f {
        return special(negative, fraction == 0, fraction.into());
    }
    let mantissa = f64::from(fraction) + if exponent == 0 { 0.0 } else { 1024.0 };
    let value = mantissa * 2f64.powi(exponent.max(1) - 25);
    general(if negative { -value } else { value }, 5)
}

fn special(negative: bool, infinite: bool, fraction: u64) -> String {
    let sign = if negative { "-" } else { "" };
    if infinite { format!("{sign}inf") } else { format!("{sign}nan({fraction:#x})") }
}

/// C's `%.{precision}g`.
pub(crate) fn general(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { format!("{value}") };
    }
    let text = format!("{:.*e}", precision.saturating_sub(1), value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    layout(value.is_sign_negative(), &digits, exponent.parse::<i32>().unwrap_or(0) + 1, precision)
}

/// An x87 number taken apart: its value is mantissa * 2^power.
struct X87 {
    negative: bool,
    exponent: u16,
    mantissa: u64,
}

impl X87 {
    fn read(bytes: &[u8]) -> X87 {
        let top = u16::from_le_bytes([bytes[8], bytes[9]]);
        X87 { negative: top & 0x8000 != 0, exponent: top & 0x7fff, mantissa: little(bytes) }
    }

    fn power(&self) -> i32 {
        i32::from(self.exponent.max(1)) - 16383 - 63
    }
}

/// All decimal digits of `mantissa * 2^power`, and how many of them stand before the point.
fn decimal(mantissa: u64, power: i32) -> (Vec<u8>, i32) {
    // m * 2^-k = m * 5^k / 10^k: multiply in steps that fit a limb.
    let (factor, mut steps) = if power < 0 { (5, power.unsigned_abs()) } else { (2, power.unsigned_abs()) };
    let mut limbs = vec![mantissa as u32, (mantissa >> 32) as u32];
    while steps > 0 {
        let now = steps.min(13);
        multiply(&mut limbs, u32::pow(factor, now));
        steps -= now;
    }
    let mut chunks = Vec::new();
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    while !limbs.is_empty() {
        chunks.push(divide(&mut limbs, 1_000_000_000));
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let text: String = chunks.iter().rev().map(|chunk| format!("{chunk:09}")).collect();
    let digits: Vec<u8> = text.trim_start_matches('0').bytes().collect();
    let point = digits.len() as i32 + power.min(0);
    (digits, point)
}

fn multiply(limbs: &mut Vec<u32>, by: u32) {
    let mut carry = 0;
    for limb in limbs.iter_mut() {
        let product = u64::from(*limb) * u64::from(by) + carry;
        *limb = product as u32;
        carry = product >> 32;
    }
    if carry > 0 {
        limbs.push(carry as u32);
    }
}

fn divide(limbs: &mut [u32], by: u32) -> u32 {
    let mut rest = 0;
    for limb in limbs.iter_mut().rev() {
        let value = rest << 32 | u64::from(*limb);
        *limb = (value / u64::from(by)) as u32;
        rest = value % u64::from(by);
    }
    rest as u32
}

/// Digits as `%g` arranges them: rounded, without trailing zeros, with an exponent when that is shorter.
fn layout(negative: bool, digits: &[u8], mut point: i32, precision: usize) -> String {
    let mut shown = digits.get(..precision).unwrap_or(digits).to_vec();
    if rounds_up(digits, precision) {
        let nines = shown.iter().rev().take_while(|digit| **digit == b'9').count();
        shown.truncate(shown.len() - nines);
        match shown.last_mut() {
            Some(last) => *last += 1,
            None => {
                shown.push(b'1');
                point += 1;
            }
        }
    }
    while shown.last() == Some(&b'0') {
        shown.pop();
    }
    let sign = if negative { "-" } else { "" };
    let digits = String::from_utf8_lossy(&shown);
    if digits.is_empty() {
        return format!("{sign}0");
    }
    let exponent = point - 1;
    if exponent < -4 || exponent >= precision as i32 {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{dot}{rest}e{direction}{:02}", exponent.abs());
    }
    match usize::try_from(point) {
        Ok(whole) if whole >= digits.len() => format!("{sign}{digits:0<whole$}"),
        Ok(whole) if whole > 0 => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
        _ => format!("{sign}0.{:0<zeros$}{digits}", "", zeros = point.unsigned_abs() as usize),
    }
}

/// Round half to even, as the C library does.
fn rounds_up(digits: &[u8], precision: usize) -> bool {
    let Some((&first, rest)) = digits.get(precision..).and_then(<[u8]>::split_first) else { return false };
    match first.cmp(&b'5') {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => {
            rest.iter().any(|digit| *digit != b'0') || precision > 0 && digits[precision - 1] % 2 == 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_survive_x87() {
        for value in [0.0, 1.0, -2.5, 1e300, 5e-324, f64::INFINITY] {
            assert_eq!(float_of(&x87_bytes(value)), value);
        }
    }

    /// Expected texts are gdb 13.1's.
    #[test]
    fn doubles_look_like_gdbs() {
        let text = |value: f64| float_text(&value.to_le_bytes());
        assert_eq!(text(3.25), "3.25");
        assert_eq!(text(1e10), "10000000000");
        assert_eq!(text(1e-5), "1.0000000000000001e-05");
        assert_eq!(text(1e21), "1e+21");
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(0.001), "0.001");
        assert_eq!(text(f64::NEG_INFINITY), "-inf");
        assert_eq!(text(f64::from_bits(0xfff8_0000_0000_0000)), "-nan(0x8000000000000)");
        assert_eq!(float_text(&1.1f32.to_le_bytes()), "1.10000002");
        assert_eq!(float_text(&1e30f32.to_le_bytes()), "1.00000002e+30");
    }

    #[test]
    fn long_doubles_have_twenty_one_digits() {
        // 3.14159265358979323846L and 1.0L/3 as gcc stores them.
        let pi = [0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40];
        assert_eq!(float_text(&pi), "3.14159265358979323851");
        let third = [0xab, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xfd, 0x3f];
        assert_eq!(float_text(&third), "0.333333333333333333342");
        assert_eq!(float_text(&x87_bytes(1e300)), "1.0000000000000000525e+300");
        assert_eq!(float_text(&[0xff; 16]), "-nan(0xffffffffffffffff)");
        // The largest, and the smallest denormal: exact arithmetic has its bounds.
        assert!(
            float_text(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x7f]).ends_with("e+4932")
        );
        assert!(float_text(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).ends_with("e-4951"));
    }
}
