//! Where a command's report goes.

use super::json::VERSION;
use crate::exit::Fatal;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Shows tables as they come, or one JSON object on one line at the end.
///
/// # Example
/// ```
/// use nexus_gateway::exit::{Exit, Fatal};
/// use nexus_gateway::report::Printer;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the feed was lost")]
/// struct Lost;
///
/// impl Fatal for Lost {
///     fn exit(&self) -> Exit {
///         Exit::FeedLost
///     }
/// }
///
/// let mut out = Vec::new();
/// let mut printer = Printer::new(&mut out, Some("receive"));
/// printer.show("count", || "3 messages".to_string(), || 3.into())?;
/// printer.finish(Some(&Lost))?;
/// let object: serde_json::Value = serde_json::from_slice(&out)?;
/// assert_eq!((&object["count"], &object["error"]["exit"]), (&3.into(), &4.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Printer<W> {
    out: W,
    /// None where tables are shown.
    object: Option<Map<String, Value>>,
}

impl<W: Write> Printer<W> {
    /// Shows tables, or JSON if `json` names the command.
    pub fn new(out: W, json: Option<&str>) -> Self {
        Self {
            out,
            object: json.map(head),
        }
    }

    /// One block: `text` now, or `value` as the field `key` of the object.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn show(
        &mut self,
        key: &str,
        text: impl FnOnce() -> String,
        value: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        match &mut self.object {
            None => write_line(&mut self.out, &text()),
            Some(object) => {
                object.insert(key.to_string(), value());
                Ok(())
            }
        }
    }

    /// As [`show`](Self::show), for a field that is a list: one more.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    ///
    /// # Panics
    ///
    /// If [`show`](Self::show) has shown a field of this name.
    pub fn push(
        &mut self,
        key: &str,
        text: impl FnOnce() -> String,
        value: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        let Some(object) = &mut self.object else {
            return write_line(&mut self.out, &text());
        };
        let list = object.entry(key).or_insert_with(|| json!([]));
        let list = list.as_array_mut();
        list.expect("`show` has no field of this name")
            .push(value());
        Ok(())
    }

    /// A signal ended the command: the field `ended` of the object says so.
    pub fn ended_by_signal(&mut self) {
        if let Some(object) = &mut self.object {
            object.insert("ended".to_string(), "signal".into());
        }
    }

    /// A sentence for people: nothing where an object is shown.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        match self.object {
            None => write_line(&mut self.out, text),
            Some(_) => Ok(()),
        }
    }

    /// What cannot wait for the end: `text`, or an object of its own, a line, with
    /// `event` and the fields of `value`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn event(
        &mut self,
        event: &str,
        text: impl FnOnce() -> String,
        value: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        let Some(object) = &self.object else {
            return write_line(&mut self.out, &text());
        };
        let mut line = object.clone();
        line.insert("event".to_string(), event.into());
        if let Value::Object(fields) = value() {
            line.extend(fields);
        }
        write_line(&mut self.out, &Value::Object(line).to_string())
    }

    /// The end of the command: the object, if there is one, and in it what went wrong.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self, error: Option<&dyn Fatal>) -> io::Result<()> {
        let Some(mut object) = self.object.take() else {
            return Ok(());
        };
        let error =
            error.map(|error| json!({ "text": error.to_string(), "exit": error.exit() as u8 }));
        let ended = match &error {
            Some(_) => "error",
            None => "complete",
        };
        object.insert("error".to_string(), error.into());
        object.entry("ended").or_insert_with(|| ended.into());
        write_line(&mut self.out, &Value::Object(object).to_string())
    }
}

fn head(command: &str) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("version".to_string(), VERSION.into());
    object.insert("command".to_string(), command.into());
    object
}

fn write_line(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")?;
    out.flush()
}
