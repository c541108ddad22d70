//! Floats as Python writes them.

use std::io::Write;

/// Appends a float as Python's `repr` writes it: the fewest digits that read back as the same, of those the nearest, of two
/// equally near the one that is even; with an exponent below 1e-4 and from 1e16 on.
///
/// ```
/// let mut text = Vec::new();
/// pickle_graph::float_repr(1e16, &mut text);
/// assert_eq!(text, b"1e+16");
/// ```
pub fn float_repr(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"inf");
    }
    // `{:?}` has as many digits, but another last one of two equally near.
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs()).as_bytes();
    // Between the exponents it has Python's form already.
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        return out.extend_from_slice(text);
    }
    let (number, exponent) = match memchr::memchr(b'e', text) {
        Some(e) => (&text[..e], std::str::from_utf8(&text[e + 1..]).ok().and_then(|e| e.parse::<i32>().ok()).unwrap_or(0)),
        None => (text, 0),
    };
    // The digits, and where the point stands behind the first of them.
    let point = memchr::memchr(b'.', number).unwrap_or(number.len());
    let mut digits: Vec<u8> = number.iter().copied().filter(|&byte| byte != b'.').collect();
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.drain(..zeros);
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let point = point as i32 + exponent - zeros as i32;
    write_digits(out, &digits, point);
}

/// Appends 0.DIGITS times ten to the power of `point`, as Python's `float_repr_style` "short" does.
fn write_digits(out: &mut Vec<u8>, digits: &[u8], point: i32) {
    match point {
        _ if digits.is_empty() => out.extend_from_slice(b"0.0"),
        -3..=0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        }
        1..=16 => {
            let whole = point as usize;
            out.extend_from_slice(&digits[..whole.min(digits.len())]);
            out.resize(out.len() + whole.saturating_sub(digits.len()), b'0');
            out.push(b'.');
            out.extend_from_slice(digits.get(whole..).filter(|fraction| !fraction.is_empty()).unwrap_or(b"0"));
        }
        _ => {
            out.push(digits[0]);
            if digits.len() > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            let exponent = point - 1;
            let sign = if exponent < 0 { '-' } else { '+' };
            append(out, format_args!("e{sign}{:02}", exponent.unsigned_abs()));
        }
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_fewest_digits_and_python_s_exponents() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e15, "1000000000000000.0"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (-1.5e300, "-1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.234e-100, "1.234e-100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123456789.0, "123456789.0"),
            (1234.5678, "1234.5678"),
            (0.00012345, "0.00012345"),
            (2289854451658817.0 / 4.0, "572463612914704.2"),
            (2289854451658819.0 / 4.0, "572463612914704.8"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (-f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        float_repr(value, &mut out);
        String::from_utf8(out).unwrap()
    }
}
