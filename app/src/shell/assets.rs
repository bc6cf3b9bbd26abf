//! The names under which the style sheet, the script and the WASM module are served.

use std::path::{Path, PathBuf};

use leptos::config::LeptosOptions;

/// Addresses of the files that a page needs, worked out once when the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The style sheet.
    pub(super) style: String,
    /// The JavaScript that loads the module.
    pub(super) script: String,
    /// The WASM module.
    pub(super) module: String,
    /// The port of `cargo leptos watch` that says when to reload.
    pub(super) reload_port: Option<u32>,
}

/// The file of hashes that release builds need is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// It cannot be read.
    #[error(
        "cannot read {path}, which names the hashed files of the page: {source}. It belongs beside the program"
    )]
    Unreadable {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It names no file of this kind.
    #[error("{path} has no line for {kind}; build the page again with LEPTOS_HASH_FILES=true")]
    Incomplete {
        /// Where it was read.
        path: PathBuf,
        /// `js`, `wasm` or `css`.
        kind: &'static str,
    },
}

impl Assets {
    /// Works out the addresses. Where the options ask for hashed names, `hash.txt` is read from the folder of the running program.
    pub fn locate(options: &LeptosOptions) -> Result<Self, AssetsError> {
        if options.hash_files {
            let path = std::env::current_exe()
                .ok()
                .and_then(|program| program.parent().map(Path::to_path_buf))
                .unwrap_or_default()
                .join(&*options.hash_file);
            let hashes = match std::fs::read_to_string(&path) {
                Ok(hashes) => hashes,
                Err(source) => return Err(AssetsError::Unreadable { path, source }),
            };
            return Self::hashed(options, &path, &hashes);
        }
        Ok(Self::named(options, |kind| {
            format!("{}.{kind}", options.output_name)
        }))
    }

    /// A word for these files: another one where any of them is another one. A page of another build is told so.
    pub fn build(&self) -> String {
        let names = [&self.style, &self.script, &self.module];
        let bytes = names.into_iter().flat_map(|name| name.bytes());
        // FNV-1a of 64 bits: nobody gains anything by making two builds look the same.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    }

    fn hashed(options: &LeptosOptions, path: &Path, hashes: &str) -> Result<Self, AssetsError> {
        let find = |kind: &'static str| {
            hashes
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find_map(|(name, hash)| (name.trim() == kind).then(|| hash.trim().to_owned()))
                .ok_or_else(|| AssetsError::Incomplete {
                    path: path.to_path_buf(),
                    kind,
                })
        };
        let (style, script, module) = (find("css")?, find("js")?, find("wasm")?);
        Ok(Self::named(options, |kind| {
            let hash = match kind {
                "css" => &style,
                "js" => &script,
                _ => &module,
            };
            format!("{}.{hash}.{kind}", options.output_name)
        }))
    }

    fn named(options: &LeptosOptions, file: impl Fn(&str) -> String) -> Self {
        let base = options.site_pkg_dir_route_base();
        Self {
            style: format!("{base}{}", file("css")),
            script: format!("{base}{}", file("js")),
            module: format!("{base}{}", file("wasm")),
            // `cargo leptos watch` sets this for the server that it starts.
            reload_port: std::env::var_os("LEPTOS_WATCH")
                .map(|_| options.reload_external_port.unwrap_or(options.reload_port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LeptosOptions {
        LeptosOptions::builder()
            .output_name("maru")
            .site_pkg_dir("pkg")
            .build()
    }

    #[test]
    fn plain_names() {
        let assets = Assets::locate(&options()).unwrap();
        assert_eq!(
            (&*assets.style, &*assets.script, &*assets.module),
            ("/pkg/maru.css", "/pkg/maru.js", "/pkg/maru.wasm")
        );
    }

    #[test]
    fn hashed_names() {
        let hashes = "js: abc\nwasm: def\ncss: ghi\n";
        let assets = Assets::hashed(&options(), Path::new("hash.txt"), hashes).unwrap();
        assert_eq!(
            (&*assets.style, &*assets.script, &*assets.module),
            (
                "/pkg/maru.ghi.css",
                "/pkg/maru.abc.js",
                "/pkg/maru.def.wasm"
            )
        );
        let other = hashes.replace("def", "deg");
        let other = Assets::hashed(&options(), Path::new("hash.txt"), &other).unwrap();
        assert_ne!(assets.build(), other.build());
        assert!(matches!(
            Assets::hashed(&options(), Path::new("hash.txt"), "js: abc\n"),
            Err(AssetsError::Incomplete { kind: "css", .. })
        ));
    }
}
