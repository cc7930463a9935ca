//! The password of a login.

use clap::Args;
use nexus_itch::soup::Password;
use std::ffi::OsStr;

/// Where the password may stand that no other user of the machine reads.
const VARIABLE: &str = "NEXUS_PASSWORD";

/// A password, from the command line, a file or the environment.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordConfig {
    /// The password of the login: up to 10 letters and digits. It goes over the
    /// network in clear, and other users of this machine see it in the list of
    /// processes [default: that of --password-file, or the variable
    /// NEXUS_PASSWORD, or a blank one]
    #[arg(long = "password", value_name = "WORD")]
    word: Option<Password>,

    /// Read the password from the first line of this file
    #[arg(long = "password-file", value_name = "FILE", value_parser = first_line,
          conflicts_with = "word")]
    file: Option<Password>,
}

impl PasswordConfig {
    /// Whether the command line gives one.
    pub(super) fn is_given(&self) -> bool {
        self.word.is_some() || self.file.is_some()
    }

    /// Takes that of the environment, `variable`, if the command line gives none.
    pub(super) fn resolve(&mut self, variable: Option<&OsStr>) -> Result<(), String> {
        if let (false, Some(value)) = (self.is_given(), variable) {
            let word = value.to_string_lossy().parse();
            // The value is a secret: the error of the parser would show it.
            let word = word.map_err(|_| {
                format!("the variable {VARIABLE} holds no password: up to 10 letters and digits")
            });
            self.word = Some(word?);
        }
        Ok(())
    }

    /// The password; blank, if there is none.
    pub fn get(&self) -> Password {
        self.file.or(self.word).unwrap_or_default()
    }
}

/// Reads the variable.
pub(super) fn of_environment() -> Option<std::ffi::OsString> {
    std::env::var_os(VARIABLE)
}

fn first_line(path: &str) -> Result<Password, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let line = text.lines().next().unwrap_or_default();
    line.parse()
        .map_err(|_| "its first line is no password: up to 10 letters and digits".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let given = |word: &str| PasswordConfig {
            word: Some(word.parse().unwrap()),
            file: None,
        };
        let mut password = given("typed");
        password.resolve(Some(OsStr::new("exported"))).unwrap();
        assert_eq!(password, given("typed"));
        let mut password = PasswordConfig::default();
        password.resolve(None).unwrap();
        assert_eq!(password.get(), "".parse().unwrap());
        password.resolve(Some(OsStr::new("exported"))).unwrap();
        assert_eq!(password.get(), "exported".parse().unwrap());
    }

    #[test]
    fn an_error_does_not_show_the_secret() {
        let mut password = PasswordConfig::default();
        let error = password
            .resolve(Some(OsStr::new("correct horse")))
            .unwrap_err();
        assert!(
            error.contains("NEXUS_PASSWORD") && !error.contains("horse"),
            "{error}"
        );
    }
}
