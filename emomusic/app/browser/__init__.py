"""The components of the app in the browser, all on the base of `base.js`."""
