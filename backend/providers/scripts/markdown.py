"""Every kind of mark-up a model may use, in one answer."""

TEXT = r"""# A tour of what answers can hold

This is the **demo**, writing *everything it knows* about formatting. Some `inline code`, some
~~second thoughts~~, and [a link to the Markdown guide](https://www.markdownguide.org/).

## Lists

1. Bread, as it has always been made
   - flour
   - water
     - 70 % of the flour's weight
   - salt
2. Patience

And what is left to do:

- [x] Heat the oven
- [x] Fold the dough
- [ ] Wait until it has cooled (nobody ever does)

## A table

| Loaf | Flour | Minutes | Note |
|:---|---:|---:|:---:|
| Country | 500 g | 45 | ★★★ |
| Rye | 800 g | 60 | ★★ |
| Flatbread | 250 g | 6 | ★ |

## Code

Python:

```python
from dataclasses import dataclass


@dataclass(frozen=True)
class Dough:
    flour: float
    water: float

    @property
    def hydration(self) -> float:
        '''Water by weight of flour.'''
        return self.water / self.flour


print(f"{Dough(500, 350).hydration:.0%}")  # 70%
```

TypeScript:

```ts
type Loaf = { name: string; minutes: number };

export function slowest(loaves: readonly Loaf[]): Loaf | undefined {
  return loaves.toSorted((a, b) => b.minutes - a.minutes)[0];
}
```

## Maths

A loaf of radius $r$ loses heat through its surface $4\pi r^2$, while it holds heat in its volume
$\tfrac{4}{3}\pi r^3$. So the big one stays warm for longer:

$$
\frac{V}{A} = \frac{\tfrac{4}{3}\pi r^3}{4\pi r^2} = \frac{r}{3}
$$

## A quotation

> A loaf asks for four things: flour, water, salt and time.
> Three of them you can buy.
>
> — the demo

## A picture from elsewhere

Pictures from other hosts are not loaded on their own, because a picture's address can carry your
words away:

![A loaf on a board](https://images.example.com/loaf.jpg)

---

That is all of it. Umlauts and others: äöü ß, Ελληνικά, 日本語, עברית, 🍞.
"""
