//! What a newcomer sees, and what a shell reads.

use std::borrow::Cow;
use std::path::Path;

use postern_config::Secret;

use super::{Dev, DevKey, TENANT, USERS};

/// Whether secrets are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// To a terminal: for the newcomer in front of it.
    Shown,
    /// To a file or a log collector: never.
    Hidden,
}

/// The lines that are printed when the server is ready: where it is, whose keys there are, and what to paste.
pub fn banner(dev: &Dev, data: &Path, fingerprint: &str, secrets: Secrets) -> String {
    let mut lines = Vec::new();
    let folder = data.display();
    let secret = |key: &DevKey| match secrets {
        Secrets::Shown => key.secret_access_key.clone(),
        Secrets::Hidden => "(in dev.json)".to_owned(),
    };
    lines.push(format!(
        "postern {}  dev mode, data in {folder} (delete it to start over)",
        env!("CARGO_PKG_VERSION")
    ));
    lines.push(format!("  S3        {}        admin {}", dev.s3, dev.admin));
    lines.push(format!(
        "  CA        {}  SHA-256 {fingerprint}",
        dev.ca.display()
    ));
    lines.push(format!(
        "  tenant {TENANT} · users {} · a bucket demo-bucket each · keys in {folder}/dev.json",
        USERS.join(", ")
    ));
    lines.push(String::new());
    let shown = |key: &&DevKey| key.user == USERS[0] || !USERS.contains(&key.user.as_str());
    for key in dev.keys.iter().filter(shown) {
        lines.push(format!(
            "  {:<10} {:<10} {}  {}",
            key.user,
            key.level,
            key.access_key_id,
            secret(key)
        ));
    }
    if let Some(key) = dev.key(USERS[0], "full") {
        lines.push("\ntry, in another shell:".to_owned());
        lines.push(format!(
            "  eval \"$(postern dev env --data {})\"",
            quoted(&folder.to_string())
        ));
        if secrets == Secrets::Hidden {
            lines.push(format!("  aws s3 cp README.md s3://{}/", key.bucket));
            return lines.join("\n") + "\n";
        }
        lines.extend(samples(dev, key));
    }
    lines.join("\n") + "\n"
}

/// How the first person signs in to the console: with a link that works once, which a terminal is shown and a log is not.
pub fn first_run(dev: &Dev, secret: &Secret, secrets: Secrets, file: &Path) -> String {
    let setup = format!("{}/setup", dev.admin.trim_end_matches('/'));
    match secrets {
        Secrets::Shown => {
            let link = secret.lend(|it| format!("{setup}/{}", String::from_utf8_lossy(it)));
            format!("console, signing in for the first time (one use):\n  {link}\n")
        }
        Secrets::Hidden => format!(
            "console, signing in for the first time (one use):\n  {setup}/ and what is in {}\n",
            file.display()
        ),
    }
}

/// What to paste, for each tool.
fn samples(dev: &Dev, key: &DevKey) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push("aws CLI:".to_owned());
    for words in shell(dev, key).lines() {
        lines.push(format!("  {words}"));
    }
    lines.push(format!("  aws s3 cp README.md s3://{}/", key.bucket));
    lines.push(
        "users and keys, with the keys of root (eval \"$(postern dev env --user root)\"):"
            .to_owned(),
    );
    lines.push(
        "  aws iam create-user --user-name ada; aws iam create-access-key --user-name ada"
            .to_owned(),
    );
    lines.push("rclone:".to_owned());
    lines.push(format!(
        "  env -u AWS_CA_BUNDLE rclone --ca-cert {ca} --s3-provider Other --s3-endpoint {s3} --s3-region {region} --s3-access-key-id {id} \\\n    --s3-secret-access-key {secret} copy README.md :s3:{bucket}/",
        ca = quoted(&dev.ca.display().to_string()),
        s3 = dev.s3,
        region = dev.region,
        id = key.access_key_id,
        secret = quoted(&key.secret_access_key),
        bucket = key.bucket,
    ));
    lines.push("boto3:".to_owned());
    lines.push(format!(
        "  boto3.client(\"s3\", endpoint_url={s3:?}, verify={ca:?}, region_name={region:?},\n    aws_access_key_id={id:?}, aws_secret_access_key={secret:?})",
        s3 = dev.s3,
        ca = dev.ca.display().to_string(),
        region = dev.region,
        id = key.access_key_id,
        secret = key.secret_access_key,
    ));
    lines
}

/// Lines for a shell to evaluate.
pub fn shell(dev: &Dev, key: &DevKey) -> String {
    let ca = dev.ca.display().to_string();
    let variables = [
        ("AWS_ACCESS_KEY_ID", key.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", key.secret_access_key.as_str()),
        ("AWS_REGION", dev.region.as_str()),
        ("AWS_DEFAULT_REGION", dev.region.as_str()),
        ("AWS_ENDPOINT_URL", dev.s3.as_str()),
        ("AWS_CA_BUNDLE", ca.as_str()),
    ];
    variables
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .concat()
}

/// A word that a POSIX shell takes as it is. No word here has a zero byte: none is in a path, a key or a setting.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::dev;
    use super::*;

    #[test]
    fn the_banner_names_everything_that_a_newcomer_needs() {
        let text = banner(&dev(), Path::new("postern-dev"), "3F:9A", Secrets::Shown);
        assert!(text.contains("it's a secret"));
        for words in [
            "https://localhost:9443",
            "3F:9A",
            "postern-dev/dev.json",
            "aws s3 cp",
            "rclone",
            "boto3.client",
            "dev env",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_not_a_terminal_is_told_no_secret() {
        let text = banner(&dev(), Path::new("postern-dev"), "3F:9A", Secrets::Hidden);
        assert!(!text.contains("it's a secret") && text.contains("dev.json"));
    }

    #[test]
    fn the_first_person_is_given_a_link_and_a_log_is_not() {
        let (secret, file) = (Secret::new(b"5ec7e7".to_vec()), Path::new("first"));
        let shown = first_run(&dev(), &secret, Secrets::Shown, file);
        assert!(shown.contains("/setup/5ec7e7"), "{shown}");
        let hidden = first_run(&dev(), &secret, Secrets::Hidden, file);
        assert!(!hidden.contains("5ec7e7") && hidden.contains("first"));
    }

    #[test]
    fn a_shell_reads_back_what_is_quoted() {
        let dev = dev();
        let script = format!(
            "{}printf '%s' \"$AWS_SECRET_ACCESS_KEY\"",
            shell(&dev, &dev.keys[0])
        );
        let said = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(said.stdout).unwrap(),
            dev.keys[0].secret_access_key
        );
    }
}
