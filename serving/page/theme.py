"""How the page looks: colours and shapes, of which nothing comes from elsewhere.

`style.css` has what Gradio's themes cannot say.
"""

from pathlib import Path

from gradio import themes

STYLE = Path(__file__).with_name("style.css")


def make_theme() -> themes.Base:
    """The theme, light and dark; its fonts are those that the visitor's system has."""
    theme = themes.Base(
        primary_hue=themes.colors.teal,
        secondary_hue=themes.colors.teal,
        neutral_hue=themes.colors.slate,
        radius_size=themes.sizes.radius_lg,
        font=[themes.Font("sans-serif")],  # style.css names the system's own first
        font_mono=[themes.Font("monospace")],
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_shadow="none",
        block_title_text_weight="600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_large_text_weight="600",
    )
