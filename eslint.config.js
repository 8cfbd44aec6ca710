import globals from "globals";

export default [
  {
    files: ["static/js/**/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    rules: {
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-shadow": "error",
      "no-implicit-globals": "error",
      "consistent-return": "error",
      "max-lines": ["error", 250],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "text enters by textContent (lib/dom.js)" },
        { property: "outerHTML", message: "text enters by textContent (lib/dom.js)" },
        { property: "insertAdjacentHTML", message: "text enters by textContent (lib/dom.js)" },
        { object: "document", property: "write", message: "build elements (lib/dom.js)" },
      ],
    },
  },
];
