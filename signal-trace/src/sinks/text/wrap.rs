//! Running text in lines.

/// Breaks `words` at spaces into lines of at most `width` characters; a longer word has a line of
/// its own.
pub fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let last = lines.len() - 1;
        let length = lines[last].chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if length > 0 {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_are_full_and_not_too_long() {
        assert_eq!(wrap("aa bb  cc\ndddddd e", 5), ["aa bb", "cc", "dddddd", "e"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
