/* heredoc.c: the bodies of here-documents, read when their line ends. */
#include "shell.h"

/* Quote removal of a here-document's delimiter. */
static bool remove_quotes(char *word) {
    char *to = word;
    bool quoted = false;
    for (; *word; word++) {
        if (*word == '\'' || *word == '"' || *word == '\\') {
            quoted = true;
            if (*word == '\\' && word[1])
                *to++ = *++word;
        } else {
            *to++ = *word;
        }
    }
    *to = 0;
    return quoted;
}

void read_heredocs(void) {
    struct redirection *here = input->heredocs;
    input->heredocs = NULL;
    for (; here; here = here->next_heredoc) {
        struct text body = {0}, line = {0};
        here->literal = remove_quotes(here->word);
        text_add(&body, "", 0);
        while (input_peek() != EOF) {
            int c;
            line.length = 0;
            text_add(&line, "", 0);
            while ((c = input_next()) != EOF && c != '\n')
                if (!(here->strip && c == '\t' && !line.length))
                    text_char(&line, c);
            if (streq(line.s, here->word))
                break;
            text_add(&body, line.s, line.length);
            text_char(&body, '\n');
        }
        here->body = keep(body.s, body.length);
        free(body.s);
        free(line.s);
    }
}
