//! Dates and times: the bytes that Python's `datetime` keeps them in, and their text as `isoformat` gives it (ISO 8601).

/// The text of a `date`'s four bytes.
pub(super) fn date(state: &[u8]) -> Option<String> {
    let &[high, low, month @ 1..=12, day @ 1..=31] = state else { return None };
    Some(format!("{:04}-{month:02}-{day:02}", u16::from_be_bytes([high, low])))
}

/// The text of a `time`'s six bytes.
pub(super) fn time(state: &[u8]) -> Option<String> {
    let &[hour, minute @ 0..60, second @ 0..60, a, b, c] = state else { return None };
    // The uppermost bit tells which of two times an hour is (PEP 495).
    let hour = hour & 0x7f;
    if hour >= 24 {
        return None;
    }
    let microsecond = u32::from_be_bytes([0, a, b, c]);
    let fraction = if microsecond == 0 { String::new() } else { format!(".{microsecond:06}") };
    (microsecond < 1_000_000).then(|| format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

/// The text of a `datetime`'s ten bytes.
pub(super) fn date_time(state: &[u8]) -> Option<String> {
    let (day, rest) = state.split_first_chunk::<4>()?;
    let mut day = *day;
    // As a time's hour.
    day[2] &= 0x7f;
    Some(format!("{}T{}", date(&day)?, time(rest)?))
}

/// The text of an offset from UTC, such as `+01:00`, of a `timedelta`'s days, seconds and microseconds.
pub(super) fn offset(days: i64, seconds: i64, microseconds: i64) -> Option<String> {
    let day = 86_400_000_000;
    let total = days
        .checked_mul(day)?
        .checked_add(seconds.checked_mul(1_000_000)?)?
        .checked_add(microseconds)
        .filter(|total| (-day..day).contains(total))?;
    let sign = if total < 0 { '-' } else { '+' };
    let (seconds, microseconds) = (total.abs() / 1_000_000, total.abs() % 1_000_000);
    let mut text = format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 || microseconds != 0 {
        text += &format!(":{:02}", seconds % 60);
    }
    if microseconds != 0 {
        text += &format!(".{microseconds:06}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_isoformat() {
        assert_eq!(date(b"\x07\xd0\x01\x02").as_deref(), Some("2000-01-02"));
        assert_eq!(time(b"\x17\x3b\x3a\0\0\0").as_deref(), Some("23:59:58"));
        assert_eq!(time(b"\x80\0\0\x0f\x42\x3f").as_deref(), Some("00:00:00.999999"));
        assert_eq!(date_time(b"\x07\xe8\x82\x1d\x03\x04\x05\0\0\x06").as_deref(), Some("2024-02-29T03:04:05.000006"));
        for state in [&b""[..], b"\x07\xd0\x01", b"\x07\xd0\x0d\x02", b"\x18\0\0\0\0\0", b"\0\0\0\x0f\x42\x40"] {
            assert_eq!((date(state), time(state), date_time(state)), (None, None, None));
        }
    }

    #[test]
    fn offsets_are_those_of_isoformat() {
        for (delta, text) in [
            ((0, 0, 0), "+00:00"),
            ((0, 3600, 0), "+01:00"),
            ((-1, 68400, 0), "-05:00"),
            ((0, 20700, 0), "+05:45"),
            ((0, 1172, 0), "+00:19:32"),
            ((-1, 86399, 999_999), "-00:00:00.000001"),
        ] {
            assert_eq!(offset(delta.0, delta.1, delta.2).as_deref(), Some(text));
        }
        assert_eq!(offset(1, 0, 0), None);
        assert_eq!(offset(i64::MAX, i64::MAX, 0), None);
    }
}
